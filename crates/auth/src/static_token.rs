//! Tokens that are known beforehand.

use std::fmt;

use thiserror::Error;

use crate::credentials::Credentials;
use crate::token::MAX_TOKEN_BYTES;

/// The shortest static token that is taken.
pub(crate) const MIN_TOKEN_BYTES: usize = 8;

/// A token that is known beforehand, kept as a hash. Debug output shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct StaticToken(blake3::Hash);

/// A text that cannot be a static token. It is not shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StaticTokenError {
    /// Too few characters to be secret.
    #[error("expected at least {MIN_TOKEN_BYTES} characters")]
    TooShort,
    /// More than is looked at.
    #[error("expected at most {MAX_TOKEN_BYTES} characters")]
    TooLong,
    /// No header can hold it.
    #[error("expected a text without white space")]
    WhiteSpace,
}

impl StaticToken {
    /// Takes a token over from the configuration.
    ///
    /// # Errors
    ///
    /// It is too short or too long, or has white space in it.
    pub fn new(text: &str) -> Result<Self, StaticTokenError> {
        if text.contains(char::is_whitespace) {
            return Err(StaticTokenError::WhiteSpace);
        }
        if text.len() < MIN_TOKEN_BYTES {
            return Err(StaticTokenError::TooShort);
        }
        if text.len() > MAX_TOKEN_BYTES {
            return Err(StaticTokenError::TooLong);
        }
        Ok(Self(blake3::hash(text.as_bytes())))
    }

    /// Whether a request carries it. Hashes are compared, in constant time: how long that takes tells nothing.
    pub fn is_in(&self, credentials: &Credentials) -> bool {
        let token = credentials.token().filter(|token| token.len() <= MAX_TOKEN_BYTES);
        token.is_some_and(|token| blake3::hash(token.as_bytes()) == self.0)
    }
}

impl fmt::Debug for StaticToken {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StaticToken([hidden])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let token = StaticToken::new("a-good-token").unwrap();
        assert!(token.is_in(&Credentials::from_authorization(b"Bearer a-good-token")));
        for other in ["", "a-good-toke", "a-good-token2", "A-good-token"] {
            assert!(!token.is_in(&Credentials::from_token(other)), "{other}");
        }
        assert!(!token.is_in(&Credentials::default()));
        assert_eq!(format!("{token:?}"), "StaticToken([hidden])");
        assert_eq!(StaticToken::new("a good token"), Err(StaticTokenError::WhiteSpace));
        assert_eq!(StaticToken::new("short"), Err(StaticTokenError::TooShort));
        assert_eq!(StaticToken::new(&"x".repeat(MAX_TOKEN_BYTES + 1)), Err(StaticTokenError::TooLong));
    }
}
