//! What a token says, before anything is believed of it.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Number, Value};

/// Longer tokens are not looked at. As much as a reference backend takes for all headers together.
pub(crate) const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far the clocks of two machines may be apart, in seconds.
const CLOCK_SKEW: f64 = 30.0;

/// `typ` of tokens that one backend shows another.
pub(crate) const PLUGIN_TYPE: &str = "vnd.backstage.plugin";
/// `typ` of users' tokens.
pub(crate) const USER_TYPE: &str = "vnd.backstage.user";
/// `typ` of users' tokens without privileges.
pub(crate) const LIMITED_USER_TYPE: &str = "vnd.backstage.limited-user";
/// Audience of users' tokens, by which those without a `typ` are known.
pub(crate) const USER_AUDIENCE: &str = "backstage";

/// A signed token in the compact form, taken apart. Its signature has not been looked at.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub(crate) header: Header,
    pub(crate) claims: Claims,
    /// What the signature is over.
    pub(crate) signed: &'a str,
    pub(crate) signature: &'a str,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Header {
    alg: String,
    pub(crate) typ: Option<String>,
    pub(crate) kid: Option<String>,
    crit: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: Option<String>,
    pub(crate) iss: Option<String>,
    pub(crate) aud: Option<Audience>,
    pub(crate) iat: Option<Number>,
    pub(crate) exp: Option<Number>,
    nbf: Option<Number>,
    /// A user's token for the use of another backend.
    pub(crate) obo: Option<String>,
    /// The entities that a user speaks for.
    ent: Option<Value>,
    /// The signature of the limited token that belongs to a user's token.
    pub(crate) uip: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(crate) enum Audience {
    One(String),
    Many(Vec<String>),
}

impl<'a> Token<'a> {
    /// None for what is too long or no signed token, such as a static one.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        if text.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self { header: decode(header)?, claims: decode(claims)?, signed, signature })
    }

    /// The algorithm, if it is one that can be verified at all; `none` is not.
    pub(crate) fn algorithm(&self) -> Option<Algorithm> {
        // Whoever marks a part of the header as critical wants it understood, and none of them is.
        if self.header.crit.is_some() {
            return None;
        }
        self.header.alg.parse().ok()
    }

    pub(crate) fn has_type(&self, wanted: &str) -> bool {
        self.header.typ.as_deref() == Some(wanted)
    }
}

impl Claims {
    /// Whether the token holds now. What it does not say is no limit.
    pub(crate) fn is_current(&self, now: Timestamp) -> bool {
        let now = seconds_of(now);
        let number = |claim: &Option<Number>| claim.as_ref().and_then(Number::as_f64);
        number(&self.exp).is_none_or(|expiry| now < expiry + CLOCK_SKEW)
            && number(&self.nbf).is_none_or(|start| start <= now + CLOCK_SKEW)
    }

    /// Whether the token says who it is of and when it was made and expires.
    pub(crate) fn is_complete(&self) -> bool {
        self.iat.is_some() && self.exp.is_some() && self.sub.as_ref().is_some_and(|sub| !sub.is_empty())
    }

    pub(crate) fn has_audience(&self, wanted: &str) -> bool {
        match &self.aud {
            Some(Audience::One(audience)) => audience == wanted,
            Some(Audience::Many(audiences)) => audiences.iter().any(|audience| audience == wanted),
            None => false,
        }
    }

    /// The entities that a user speaks for, as far as the token names any.
    pub(crate) fn ownership_refs(&self) -> Vec<String> {
        let refs = self.ent.as_ref().and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        refs.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The moment of expiry; one that no calendar has counts as the nearest that it has.
    pub(crate) fn expires_at(&self) -> Option<Timestamp> {
        let expiry = self.exp.as_ref()?.as_f64()?;
        #[expect(
            clippy::cast_possible_truncation,
            reason = "parts of a second do not matter, and casts saturate"
        )]
        let seconds = expiry.floor() as i64;
        let clamped = seconds.clamp(Timestamp::MIN.as_second(), Timestamp::MAX.as_second());
        Timestamp::from_second(clamped).ok()
    }
}

#[expect(clippy::cast_precision_loss, reason = "exact for the next hundred million years")]
fn seconds_of(moment: Timestamp) -> f64 {
    moment.as_second() as f64
}

fn decode<T: DeserializeOwned>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use rstest::rstest;
    use serde_json::json;

    use super::*;

    fn token(header: &Value, claims: &Value) -> String {
        let encode = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2ln", encode(header), encode(claims))
    }

    #[test]
    fn what_is_no_token() {
        let good = token(&json!({ "alg": "ES256" }), &json!({}));
        assert!(Token::parse(&good).is_some());
        let long = token(&json!({ "alg": "ES256" }), &json!({ "sub": "a".repeat(MAX_TOKEN_BYTES) }));
        let cases = [
            String::new(),
            "..".to_owned(),
            "a.b".to_owned(),
            "static-token".to_owned(),
            format!("{good}.x"),
            good.replacen('e', "=", 1),
            token(&json!([]), &json!({})),
            token(&json!({ "alg": 7 }), &json!({})),
            token(&json!({ "alg": "ES256" }), &json!("text")),
            token(&json!({ "alg": "ES256" }), &json!({ "exp": "soon" })),
            token(&json!({ "alg": "ES256" }), &json!({ "aud": 7 })),
            long,
        ];
        for text in cases {
            assert!(Token::parse(&text).is_none(), "{text}");
        }
    }

    #[rstest]
    #[case(json!({ "alg": "ES256" }), Some(Algorithm::ES256))]
    #[case(json!({ "alg": "none" }), None)]
    #[case(json!({ "alg": "NONE" }), None)]
    #[case(json!({ "alg": "" }), None)]
    #[case(json!({ "alg": "ES256", "crit": ["b64"], "b64": false }), None)]
    fn algorithms(#[case] header: Value, #[case] expected: Option<Algorithm>) {
        let text = token(&header, &json!({}));
        assert_eq!(Token::parse(&text).unwrap().algorithm(), expected);
    }

    #[rstest]
    #[case(json!({}), true)]
    #[case(json!({ "exp": 1000 }), true)]
    #[case(json!({ "exp": 971 }), true)]
    #[case(json!({ "exp": 970 }), false)]
    #[case(json!({ "exp": -1 }), false)]
    #[case(json!({ "exp": 1e300 }), true)]
    #[case(json!({ "nbf": 1030 }), true)]
    #[case(json!({ "nbf": 1031 }), false)]
    #[case(json!({ "nbf": 0, "exp": 2000 }), true)]
    fn times(#[case] claims: Value, #[case] current: bool) {
        let text = token(&json!({ "alg": "ES256" }), &claims);
        let claims = Token::parse(&text).unwrap().claims;
        assert_eq!(claims.is_current(Timestamp::from_second(1000).unwrap()), current);
    }
}
