//! The `Content-Security-Policy` header, directive by directive.

use axum::http::HeaderValue;
use thiserror::Error;

const DEFAULTS: [(&str, &[&str]); 10] = [
    ("default-src", &["'self'"]),
    ("base-uri", &["'self'"]),
    ("font-src", &["'self'", "https:", "data:"]),
    ("frame-ancestors", &["'self'"]),
    ("img-src", &["'self'", "data:"]),
    ("object-src", &["'none'"]),
    ("script-src", &["'self'", "'unsafe-eval'"]),
    ("script-src-attr", &["'none'"]),
    ("style-src", &["'self'", "https:", "'unsafe-inline'"]),
    ("upgrade-insecure-requests", &[]),
];

/// What pages that come from the server may load. The defaults are those of the reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContentSecurityPolicy(Vec<(String, Vec<String>)>);

/// A change to the policy that makes no policy.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PolicyError {
    /// The name of a directive has other characters than letters, digits and hyphens.
    #[error("{0:?} is not the name of a directive")]
    Name(String),
    /// A source would end the directive, or is not printable.
    #[error("{0:?} is not a source: there must be no comma, no semicolon and no line end in it")]
    Source(String),
    /// Everything else falls back to it.
    #[error("default-src has to stay; give it the sources [\"*\"] to allow all")]
    NoDefault,
}

impl Default for ContentSecurityPolicy {
    fn default() -> Self {
        let owned = |sources: &[&str]| sources.iter().map(|source| (*source).to_owned()).collect();
        Self(DEFAULTS.iter().map(|(name, sources)| ((*name).to_owned(), owned(sources))).collect())
    }
}

impl ContentSecurityPolicy {
    /// Replaces the sources of a directive, or takes it out. Its name may be written in camel case.
    ///
    /// # Errors
    ///
    /// The name or a source is not one, or nothing would be left to fall back to.
    pub fn set(&mut self, name: &str, sources: Option<Vec<String>>) -> Result<(), PolicyError> {
        let name = in_kebab_case(name)?;
        let place = self.0.iter().position(|(known, _)| *known == name);
        let Some(sources) = sources else {
            if name == "default-src" {
                return Err(PolicyError::NoDefault);
            }
            self.0.retain(|(known, _)| *known != name);
            return Ok(());
        };
        let is_source =
            |source: &str| source.chars().all(|c| c.is_ascii_graphic() && c != ';' && c != ',' || c == ' ');
        if let Some(wrong) = sources.iter().find(|source| !is_source(source)) {
            return Err(PolicyError::Source(wrong.clone()));
        }
        match place {
            Some(place) => self.0[place].1 = sources,
            None => self.0.push((name, sources)),
        }
        Ok(())
    }

    /// The value of the header.
    pub(crate) fn header(&self) -> Option<HeaderValue> {
        let directive = |(name, sources): &(String, Vec<String>)| {
            std::iter::once(name.as_str())
                .chain(sources.iter().map(String::as_str))
                .collect::<Vec<_>>()
                .join(" ")
        };
        let text = self.0.iter().map(directive).collect::<Vec<_>>().join(";");
        HeaderValue::try_from(text).ok()
    }
}

fn in_kebab_case(name: &str) -> Result<String, PolicyError> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(PolicyError::Name(name.to_owned()));
    }
    let mut kebab = String::with_capacity(name.len() + 4);
    for character in name.chars() {
        if character.is_ascii_uppercase() && !kebab.is_empty() && !kebab.ends_with('-') {
            kebab.push('-');
        }
        kebab.push(character.to_ascii_lowercase());
    }
    Ok(kebab)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(sources: &[&str]) -> Vec<String> {
        sources.iter().map(|source| (*source).to_owned()).collect()
    }

    #[test]
    fn directives_are_replaced_added_and_taken_out() {
        let mut policy = ContentSecurityPolicy::default();
        policy.set("connectSrc", Some(sources(&["'self'", "http:"]))).unwrap();
        policy.set("script-src", Some(sources(&["'self'"]))).unwrap();
        policy.set("upgrade-insecure-requests", None).unwrap();
        assert_eq!(
            policy.header().unwrap(),
            "default-src 'self';base-uri 'self';font-src 'self' https: data:;frame-ancestors 'self';img-src 'self' \
             data:;object-src 'none';script-src 'self';script-src-attr 'none';style-src 'self' https: \
             'unsafe-inline';connect-src 'self' http:"
        );
    }

    #[test]
    fn what_makes_no_policy_is_refused() {
        let mut policy = ContentSecurityPolicy::default();
        assert_eq!(policy.set("img src", None), Err(PolicyError::Name("img src".to_owned())));
        assert_eq!(policy.set("default-src", None), Err(PolicyError::NoDefault));
        for wrong in ["a;script-src *", "a,b", "a\nb"] {
            let refused = policy.set("img-src", Some(sources(&["'self'", wrong])));
            assert_eq!(refused, Err(PolicyError::Source(wrong.to_owned())));
        }
        assert_eq!(policy, ContentSecurityPolicy::default());
    }
}
