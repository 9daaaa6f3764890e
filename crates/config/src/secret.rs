//! What must not be shown.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Unexpected, Visitor};

/// Stands in for everything that must not be shown.
pub(crate) const HIDDEN: &str = "[hidden]";

/// A text that debug output does not show.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself. Whoever asks for it takes care that it ends in no log.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(HIDDEN)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A number is refused rather than converted: 0123 and 1e3 would come out as another password.
        formatter.write_str("a text (put it in quotes if it looks like a number)")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Secret, E> {
        if text.is_empty() {
            return Err(E::invalid_value(Unexpected::Str(""), &"a text that is not empty"));
        }
        Ok(Secret(text.to_owned()))
    }
}

/// Whether a key, or the name of an environment variable, says that its value is a secret.
///
/// Decided by its last word: `password`, `clientSecret`, `GITHUB_TOKEN`, `private-key`.
pub fn is_secret_key(key: &str) -> bool {
    const SECRET_WORDS: [&str; 13] = [
        "password",
        "pass",
        "passwd",
        "pwd",
        "passphrase",
        "secret",
        "secrets",
        "token",
        "tokens",
        "credential",
        "credentials",
        "apikey",
        "authorization",
    ];
    const SECRET_KEYS: [&str; 8] =
        ["private", "api", "access", "account", "secret", "signing", "encryption", "shared"];

    let words = words_of(key);
    match words.as_slice() {
        [.., before, last] if last == "key" => SECRET_KEYS.contains(&before.as_str()),
        [only] if only == "key" => true,
        [.., last] => SECRET_WORDS.contains(&last.as_str()),
        [] => false,
    }
}

/// A text with the password of any URL in it replaced.
pub(crate) fn without_url_password(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(scheme_end) = rest.find("://") {
        let authority = scheme_end + 3;
        let authority_end = rest[authority..]
            .find(|character: char| character.is_whitespace() || "/?#\"'".contains(character))
            .map_or(rest.len(), |length| authority + length);
        shown.push_str(&rest[..authority]);
        let user_end = rest[authority..authority_end].rfind('@').map(|length| authority + length);
        match user_end.and_then(|end| Some((end, authority + rest[authority..end].find(':')?))) {
            Some((user_end, colon)) => {
                shown.push_str(&rest[authority..=colon]);
                shown.push_str(HIDDEN);
                shown.push_str(&rest[user_end..authority_end]);
            }
            None => shown.push_str(&rest[authority..authority_end]),
        }
        rest = &rest[authority_end..];
    }
    shown.push_str(rest);
    shown
}

/// Lower-case words of `camelCase`, `SCREAMING_SNAKE` and `kebab-case` names.
fn words_of(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut after_lower_case = false;
    let mut between_words = true;
    for character in name.chars() {
        if !character.is_alphanumeric() {
            between_words = true;
            continue;
        }
        if between_words || (character.is_uppercase() && after_lower_case) {
            words.push(String::new());
        }
        between_words = false;
        after_lower_case = !character.is_uppercase();
        if let Some(word) = words.last_mut() {
            word.extend(character.to_lowercase());
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case("password", true)]
    #[case("clientSecret", true)]
    #[case("GITHUB_TOKEN", true)]
    #[case("private-key", true)]
    #[case("secretAccessKey", true)]
    #[case("apiKey", true)]
    #[case("key", true)]
    #[case("credentials", true)]
    #[case("keyId", false)]
    #[case("tokenRenewableOffsetTime", false)]
    #[case("cacheKey", false)]
    #[case("baseUrl", false)]
    #[case("", false)]
    fn names(#[case] key: &str, #[case] secret: bool) {
        assert_eq!(is_secret_key(key), secret);
    }

    #[rstest]
    #[case("postgres://me:hush@db:5432/x", "postgres://me:[hidden]@db:5432/x")]
    #[case("postgres://me:hu@sh@db/x", "postgres://me:[hidden]@db/x")]
    #[case("from http://a:b@c/d to http://e/f", "from http://a:[hidden]@c/d to http://e/f")]
    #[case("http://me@host/", "http://me@host/")]
    #[case("http://host:80/@x", "http://host:80/@x")]
    #[case("plain", "plain")]
    fn urls(#[case] text: &str, #[case] shown: &str) {
        assert_eq!(without_url_password(text), shown);
    }
}
