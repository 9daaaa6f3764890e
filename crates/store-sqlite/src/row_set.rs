use std::fmt::Write;

/// Rows on their way into one statement.
///
/// Numbers travel as a JSON array of arrays, which SQL reads with `json_each(?1)` and `value ->> 0`. Blobs
/// travel in one arena, which SQL cuts with `substr(?2, value ->> i, value ->> j)`; JSON cannot hold them, and
/// this way each is copied once.
#[derive(Debug, Default)]
pub(crate) struct RowSet {
    json: String,
    arena: Vec<u8>,
    rows: usize,
}

impl RowSet {
    pub(crate) fn is_empty(&self) -> bool {
        self.rows == 0
    }

    /// Begins a row whose first column is `first`.
    pub(crate) fn row(&mut self, first: i64) -> Row<'_> {
        self.json.push(if self.rows == 0 { '[' } else { ',' });
        let _ = write!(self.json, "[{first}");
        self.rows += 1;
        Row { set: self }
    }

    /// The two parameters: JSON, arena.
    pub(crate) fn into_parameters(mut self) -> (String, Vec<u8>) {
        self.json.push_str(if self.rows == 0 { "[]" } else { "]" });
        (self.json, self.arena)
    }

    /// The JSON parameter of a set that has no blobs.
    pub(crate) fn into_json(self) -> String {
        self.into_parameters().0
    }
}

/// A row that is being written; it ends when it is dropped.
pub(crate) struct Row<'a> {
    set: &'a mut RowSet,
}

impl Row<'_> {
    pub(crate) fn number(self, value: i64) -> Self {
        let _ = write!(self.set.json, ",{value}");
        self
    }

    pub(crate) fn optional(self, value: Option<i64>) -> Self {
        if let Some(value) = value {
            return self.number(value);
        }
        self.set.json.push_str(",null");
        self
    }

    /// A blob: two columns, its place in the arena (from 1) and its length.
    pub(crate) fn blob(self, bytes: &[u8]) -> Self {
        let _ = write!(self.set.json, ",{},{}", self.set.arena.len() + 1, bytes.len());
        self.set.arena.extend_from_slice(bytes);
        self
    }
}

impl Drop for Row<'_> {
    fn drop(&mut self) {
        self.set.json.push(']');
    }
}

/// A list of ids as the JSON array that `json_each` takes.
pub(crate) fn id_list(ids: impl IntoIterator<Item = i64>) -> String {
    let mut json = String::from("[");
    for id in ids {
        if json.len() > 1 {
            json.push(',');
        }
        let _ = write!(json, "{id}");
    }
    json.push(']');
    json
}

/// Texts as the JSON array that `json_each` takes.
pub(crate) fn text_list<'a>(texts: impl IntoIterator<Item = &'a str>) -> String {
    let texts: Vec<&str> = texts.into_iter().collect();
    serde_json::Value::from(texts).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_arrays_and_blobs_are_places_in_the_arena() {
        let mut set = RowSet::default();
        set.row(1).optional(None).blob(b"abc").number(-7);
        set.row(2).optional(Some(5)).number(0);
        set.row(3).blob(b"de");
        let (json, arena) = set.into_parameters();
        assert_eq!(json, "[[1,null,1,3,-7],[2,5,0],[3,4,2]]");
        assert_eq!(arena, b"abcde");
        assert_eq!(RowSet::default().into_json(), "[]");
    }

    #[test]
    fn lists_are_json() {
        assert_eq!(id_list([]), "[]");
        assert_eq!(id_list([3, -1]), "[3,-1]");
        assert_eq!(text_list(["a\"b", ""]), r#"["a\"b",""]"#);
    }
}
