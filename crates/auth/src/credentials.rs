//! What a request says about who sends it.

use std::fmt;

/// The token of a request, if it has one. Debug output does not show it.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(Option<String>);

impl Credentials {
    /// Reads the value of an `Authorization` header. Everything but `Bearer` and one word counts as no token.
    pub fn from_authorization(value: &[u8]) -> Self {
        Self(bearer(value).map(str::to_owned))
    }

    /// A token that came by another way than the header.
    pub fn from_token(token: &str) -> Self {
        Self(Some(token.to_owned()))
    }

    /// The token, unverified.
    pub(crate) fn token(&self) -> Option<&str> {
        self.0.as_deref()
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if self.0.is_some() { "Credentials([hidden])" } else { "Credentials(none)" })
    }
}

fn bearer(value: &[u8]) -> Option<&str> {
    let (scheme, rest) = std::str::from_utf8(value).ok()?.split_once(' ')?;
    let token = rest.trim_start_matches(' ');
    let is_one_word = !token.is_empty() && !token.contains(char::is_whitespace);
    (scheme.eq_ignore_ascii_case("bearer") && is_one_word).then_some(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers() {
        let cases: [(&[u8], Option<&str>); 11] = [
            (b"Bearer abc", Some("abc")),
            (b"bearer abc", Some("abc")),
            (b"BEARER    abc", Some("abc")),
            (b"Bearer", None),
            (b"Bearer ", None),
            (b"Bearer a b", None),
            (b"Bearer\tabc", None),
            (b"Basic abc", None),
            (b"abc", None),
            (b"", None),
            (b"Bearer \xff", None),
        ];
        for (header, expected) in cases {
            assert_eq!(Credentials::from_authorization(header).token(), expected, "{header:?}");
        }
        assert_eq!(format!("{:?}", Credentials::from_token("hush")), "Credentials([hidden])");
    }
}
