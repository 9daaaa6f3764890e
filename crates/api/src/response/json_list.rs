//! JSON lists put together from parts that are JSON text already.
//!
//! Stored entities go out as they are: nothing is parsed, and no list is ever held as one text.

use std::convert::Infallible;

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::{BufMut as _, Bytes, BytesMut};

use super::{tagged_bytes, untagged};

/// How much text is gathered before it is handed on. One write to a socket takes about that much.
const CHUNK_BYTES: usize = 64 * 1024;

/// How many items are gathered before other requests get their turn: making one may take some work.
const CHUNK_ITEMS: usize = 256;

/// A JSON text with a list in it, all items of which are at hand.
#[derive(Debug, Clone)]
pub(crate) struct JsonList {
    prefix: String,
    items: Vec<Bytes>,
    suffix: String,
}

impl JsonList {
    /// Nothing but the list.
    pub(crate) fn bare(items: Vec<Bytes>) -> Self {
        Self { prefix: "[".to_owned(), items, suffix: "]".to_owned() }
    }

    /// An object that begins with `items`. `more` is the text of its other members, with a comma in front.
    pub(crate) fn items_of_object(items: Vec<Bytes>, more: &str) -> Self {
        Self { prefix: "{\"items\":[".to_owned(), items, suffix: format!("]{more}}}") }
    }

    /// The response for stored entities: without an entity tag, sent in chunks of text as they are gathered.
    pub(crate) fn into_stored_response(self) -> Response {
        let length = self.length();
        if length <= CHUNK_BYTES {
            return untagged(StatusCode::OK, Body::from(self.into_bytes()));
        }
        let Self { prefix, items, suffix } = self;
        let items = items.into_iter().map(Ok::<_, Infallible>);
        let chunks = Chunks::new(&prefix, items, suffix);
        let mut response = untagged(StatusCode::OK, Body::from_stream(futures::stream::iter(chunks)));
        response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        response
    }

    /// The response for entities cut down to some fields: in one piece, with an entity tag.
    pub(crate) fn into_tagged_response(self) -> Response {
        tagged_bytes(StatusCode::OK, self.into_bytes())
    }

    fn length(&self) -> usize {
        let commas = self.items.len().saturating_sub(1);
        self.prefix.len() + self.items.iter().map(Bytes::len).sum::<usize>() + commas + self.suffix.len()
    }

    fn into_bytes(self) -> Bytes {
        let mut text = BytesMut::with_capacity(self.length());
        text.put_slice(self.prefix.as_bytes());
        for (position, item) in self.items.iter().enumerate() {
            if position > 0 {
                text.put_u8(b',');
            }
            text.put_slice(item);
        }
        text.put_slice(self.suffix.as_bytes());
        text.freeze()
    }
}

/// A bare list of unknown length. The items are asked for as the client takes them; if one fails, the connection is
/// cut, so that the client does not take a part for the whole.
pub(crate) fn stream_list<E>(items: impl Iterator<Item = Result<Bytes, E>> + Send + 'static) -> Response
where
    E: std::error::Error + Send + Sync + 'static,
{
    let chunks = Chunks::new("[", items, "]".to_owned());
    untagged(StatusCode::OK, Body::from_stream(futures::stream::iter(chunks)))
}

/// Gathers the text of a list into pieces worth sending.
struct Chunks<I> {
    gathered: BytesMut,
    items: I,
    is_first: bool,
    /// Taken when the items are over, or one fails.
    suffix: Option<String>,
}

impl<I> Chunks<I> {
    fn new(prefix: &str, items: I, suffix: String) -> Self {
        let gathered = BytesMut::from(prefix.as_bytes());
        Self { gathered, items, is_first: true, suffix: Some(suffix) }
    }

    fn add(&mut self, item: &Bytes) {
        if !std::mem::take(&mut self.is_first) {
            self.gathered.put_u8(b',');
        }
        self.gathered.put_slice(item);
    }
}

impl<E, I: Iterator<Item = Result<Bytes, E>>> Iterator for Chunks<I> {
    type Item = Result<Bytes, E>;

    fn next(&mut self) -> Option<Self::Item> {
        for _ in 0..CHUNK_ITEMS {
            if self.gathered.len() >= CHUNK_BYTES || self.suffix.is_none() {
                break;
            }
            match self.items.next() {
                Some(Ok(item)) => self.add(&item),
                Some(Err(error)) => {
                    self.gathered.clear();
                    self.suffix = None;
                    return Some(Err(error));
                }
                None => self.gathered.put_slice(self.suffix.take().unwrap_or_default().as_bytes()),
            }
        }
        (!self.gathered.is_empty()).then(|| Ok(self.gathered.split().freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chunked(items: Vec<Bytes>) -> (Vec<usize>, Vec<u8>) {
        let items = items.into_iter().map(Ok::<_, Infallible>);
        let Ok(chunks) = Chunks::new("[", items, "]".to_owned()).collect::<Result<Vec<Bytes>, _>>();
        (chunks.iter().map(Bytes::len).collect(), chunks.concat())
    }

    #[test]
    fn small_lists_are_one_chunk() {
        assert_eq!(chunked(vec![]), (vec![2], b"[]".to_vec()));
        let items = vec![Bytes::from_static(b"1"), Bytes::from_static(b"2")];
        assert_eq!(chunked(items), (vec![5], b"[1,2]".to_vec()));
    }

    #[test]
    fn chunks_make_up_the_whole() {
        let items: Vec<Bytes> = (0..100).map(|_| Bytes::from(vec![b'1'; 10_000])).collect();
        let list = JsonList::bare(items.clone());
        let length = list.length();
        let whole = list.into_bytes();
        let (sizes, text) = chunked(items);
        assert_eq!(whole.len(), length);
        assert_eq!(text, whole);
        assert!(sizes.len() > 10 && sizes.iter().all(|size| *size < CHUNK_BYTES + 10_001), "{sizes:?}");
    }

    #[test]
    fn nothing_follows_a_failure() {
        let items = [Ok(Bytes::from_static(b"1")), Err("broken"), Ok(Bytes::from_static(b"2"))];
        let chunks: Vec<_> = Chunks::new("[", items.into_iter(), "]".to_owned()).collect();
        assert_eq!(chunks, [Err("broken")]);
    }

    #[test]
    fn many_small_items_are_several_chunks() {
        let (sizes, text) = chunked(vec![Bytes::from_static(b"1"); 1000]);
        assert_eq!((sizes.len(), text.len()), (4, 2001));
    }
}
