//! `${VARIABLE}` in texts.

use crate::environment::Environment;
use crate::secret::is_secret_key;

/// What became of a text with variables in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Substituted {
    /// There was nothing to fill in.
    Unchanged,
    /// All was filled in.
    Text {
        text: String,
        /// Whether one of the variables is named like a secret.
        secret: bool,
    },
    /// This variable is not set, so the whole text counts as not given.
    Unset { variable: String },
}

/// Fills in `${NAME}` and `${NAME:-fallback}`. `$${` stands for a plain `${`.
pub(crate) fn substitute(text: &str, environment: &Environment) -> Substituted {
    let mut filled = String::with_capacity(text.len());
    let mut secret = false;
    let mut changed = false;
    let mut rest = text;
    while let Some(expression) = next_expression(rest) {
        changed = true;
        filled.push_str(&rest[..expression.start]);
        if expression.escaped {
            filled.push_str(&rest[expression.start + 1..expression.end]);
        } else {
            let inner = &rest[expression.start + 2..expression.end - 1];
            let (name, fallback) = match inner.split_once(":-") {
                Some((name, fallback)) => (name.trim(), Some(fallback)),
                None => (inner.trim(), None),
            };
            // With a fallback, a variable that is set to nothing counts as not set, as in a shell.
            let value = environment.get(name).filter(|value| fallback.is_none() || !value.is_empty());
            match value.or(fallback.filter(|fallback| !fallback.is_empty())) {
                Some(value) => filled.push_str(value),
                None => return Substituted::Unset { variable: name.to_owned() },
            }
            secret |= is_secret_key(name);
        }
        rest = &rest[expression.end..];
    }
    if !changed {
        return Substituted::Unchanged;
    }
    filled.push_str(rest);
    Substituted::Text { text: filled, secret }
}

/// A `${…}` in a text, as byte places: from its first `$` to behind its `}`.
struct Expression {
    start: usize,
    end: usize,
    escaped: bool,
}

fn next_expression(text: &str) -> Option<Expression> {
    let mut from = 0;
    loop {
        let dollar = from + text[from..].find("${")?;
        let inner = dollar + 2;
        let stop = inner + text[inner..].find(['{', '}'])?;
        if text.as_bytes()[stop] == b'}' {
            let escaped = text[..dollar].ends_with('$');
            let start = if escaped { dollar - 1 } else { dollar };
            return Some(Expression { start, end: stop + 1, escaped });
        }
        // An opening brace inside: this was no expression, though one may begin later.
        from = inner;
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    fn environment() -> Environment {
        [("HOST", "db.example.com"), ("PORT", " 5432 "), ("EMPTY", ""), ("API_TOKEN", "hush")].into()
    }

    #[rstest]
    #[case::inside("postgres://${HOST}:${PORT}/x", "postgres://db.example.com:5432/x")]
    #[case::spaces("${ HOST }", "db.example.com")]
    #[case::escaped("$${HOST}", "${HOST}")]
    #[case::escaped_after_a_dollar("$$${HOST}", "$${HOST}")]
    #[case::escaped_empty("$${} ${PORT}", "${} 5432")]
    #[case::empty_variable("a${EMPTY}b", "ab")]
    #[case::fallback("${NONE:-http://localhost:9000}", "http://localhost:9000")]
    #[case::fallback_for_empty("${EMPTY:-x}", "x")]
    #[case::fallback_not_needed("${PORT:-1}", "5432")]
    #[case::expression_after_a_brace("${a{${PORT}", "${a{5432")]
    fn fills_in(#[case] text: &str, #[case] expected: &str) {
        let expected = Substituted::Text { text: expected.to_owned(), secret: false };
        assert_eq!(substitute(text, &environment()), expected);
    }

    #[rstest]
    #[case::no_dollar("plain")]
    #[case::no_braces("$HOST costs $5")]
    #[case::unclosed("${HOST")]
    #[case::brace_inside("${a{b}}")]
    fn leaves_alone(#[case] text: &str) {
        assert_eq!(substitute(text, &environment()), Substituted::Unchanged);
    }

    #[rstest]
    #[case::alone("${NONE}", "NONE")]
    #[case::with_others("${HOST} ${NONE}", "NONE")]
    #[case::no_name("${}", "")]
    #[case::empty_fallback("${NONE:-}", "NONE")]
    fn is_not_given(#[case] text: &str, #[case] variable: &str) {
        let expected = Substituted::Unset { variable: variable.to_owned() };
        assert_eq!(substitute(text, &environment()), expected);
    }

    #[test]
    fn knows_secrets_by_the_name_of_the_variable() {
        let filled = substitute("${API_TOKEN}", &environment());
        assert_eq!(filled, Substituted::Text { text: "hush".to_owned(), secret: true });
    }
}
