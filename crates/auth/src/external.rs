//! Access from outside: the ways that the configuration opens for callers that are no Backstage backends.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jiff::Timestamp;
use jsonwebtoken::{Algorithm, DecodingKey};
use serde_json::Value;

use crate::error::{AuthError, SettingsError};
use crate::external_options::{Options, Restrictions};
use crate::jwks_cache::JwksCache;
use crate::principal::{AccessRestriction, ServicePrincipal};
use crate::static_token::MIN_TOKEN_BYTES;
use crate::token::{MAX_TOKEN_BYTES, Token};

/// The subject that all callers with a shared secret of the older kind give themselves.
const LEGACY_SUBJECT: &str = "backstage-server";

/// The ways in from outside, in the order in which they are tried.
#[derive(Debug, Default)]
pub struct ExternalAccess {
    ways: Vec<Way>,
}

#[derive(Debug)]
struct Way {
    kind: Kind,
    restrictions: Restrictions,
}

enum Kind {
    Static { hash: blake3::Hash, subject: String },
    Legacy { key: DecodingKey, subject: String },
    Jwks(Box<Issuer>),
}

/// Somebody else's issuer of tokens.
#[derive(Debug)]
struct Issuer {
    url: String,
    issuers: Option<Vec<String>>,
    audiences: Option<Vec<String>>,
    algorithms: Option<Vec<Algorithm>>,
    subject_prefix: Option<String>,
}

impl ExternalAccess {
    /// Reads the entries of `backend.auth.externalAccess`.
    ///
    /// # Errors
    ///
    /// An entry is not one. All of them are needed to know who may come in, so the server should not start.
    pub fn parse(entries: &[Value]) -> Result<Self, SettingsError> {
        let mut access = Self::default();
        for (index, entry) in entries.iter().enumerate() {
            let way = Way::parse(&Options::of(entry, format!("[{index}]"))?)?;
            if access.has_static_token_of(&way) {
                let message = "another entry has the same token".to_owned();
                return Err(SettingsError { path: format!("[{index}].options.token"), message });
            }
            access.ways.push(way);
        }
        Ok(access)
    }

    /// Adds a secret of `backend.auth.keys`, in base64.
    ///
    /// # Errors
    ///
    /// It is not base64.
    pub fn add_shared_key(&mut self, secret: &str) -> Result<(), SettingsError> {
        let wrong = |message: &str| SettingsError { path: "secret".to_owned(), message: message.to_owned() };
        let key = legacy_key(secret).map_err(wrong)?;
        let subject = "external:backstage-plugin".to_owned();
        self.ways.push(Way { kind: Kind::Legacy { key, subject }, restrictions: None });
        Ok(())
    }

    /// Whether there is no way in.
    pub fn is_empty(&self) -> bool {
        self.ways.is_empty()
    }

    /// Who has this token, as far as a plugin is concerned; `parsed` is the token taken apart, if it can be.
    pub(crate) async fn authenticate(
        &self,
        text: &str,
        parsed: Option<&Token<'_>>,
        plugin: &str,
        now: Timestamp,
        keys: &JwksCache,
    ) -> Result<ServicePrincipal, AuthError> {
        if text.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::IllegalToken);
        }
        let hash = blake3::hash(text.as_bytes());
        let mut accepted = None;
        for way in &self.ways {
            let subject = match &way.kind {
                // Hashes compare in constant time, and tell nothing of the token by how long they take.
                Kind::Static { hash: expected, subject } => (hash == *expected).then(|| subject.clone()),
                Kind::Legacy { key, subject } => {
                    parsed.filter(|token| is_legacy(token, key, now)).map(|_| subject.clone())
                }
                Kind::Jwks(issuer) => match parsed {
                    Some(token) => issuer.subject_of(token, now, keys).await,
                    None => None,
                },
            };
            if let Some(subject) = subject {
                accepted = Some((subject, &way.restrictions));
                break;
            }
        }
        let (subject, restrictions) = accepted.ok_or(AuthError::IllegalToken)?;
        Ok(ServicePrincipal { subject, restriction: restriction_for(plugin, restrictions.as_ref())? })
    }

    fn has_static_token_of(&self, other: &Way) -> bool {
        let Kind::Static { hash: wanted, .. } = &other.kind else { return false };
        self.ways.iter().any(|way| matches!(&way.kind, Kind::Static { hash, .. } if hash == wanted))
    }
}

fn restriction_for(
    plugin: &str,
    restrictions: Option<&BTreeMap<String, AccessRestriction>>,
) -> Result<Option<AccessRestriction>, AuthError> {
    let Some(restrictions) = restrictions else { return Ok(None) };
    if let Some(restriction) = restrictions.get(plugin) {
        return Ok(Some(restriction.clone()));
    }
    let plugins: Vec<String> = restrictions.keys().map(|plugin| format!("'{plugin}'")).collect();
    Err(AuthError::RestrictedToOtherPlugins { plugins: plugins.join(", ") })
}

impl Way {
    fn parse(entry: &Options<'_>) -> Result<Self, SettingsError> {
        let kind = match entry.required_text("type")? {
            "static" => static_token(&entry.section("options")?)?,
            "legacy" => legacy_secret(&entry.section("options")?)?,
            "jwks" => Kind::Jwks(Box::new(Issuer::parse(&entry.section("options")?)?)),
            other => {
                return Err(entry.wrong("type", format!("expected static, legacy or jwks, not {other:?}")));
            }
        };
        Ok(Self { kind, restrictions: entry.restrictions()? })
    }
}

fn static_token(options: &Options<'_>) -> Result<Kind, SettingsError> {
    let token = options.word("token")?;
    if token.len() < MIN_TOKEN_BYTES {
        return Err(options.wrong("token", format!("expected at least {MIN_TOKEN_BYTES} characters")));
    }
    Ok(Kind::Static { hash: blake3::hash(token.as_bytes()), subject: options.word("subject")?.to_owned() })
}

fn legacy_secret(options: &Options<'_>) -> Result<Kind, SettingsError> {
    let key = legacy_key(options.word("secret")?).map_err(|message| options.wrong("secret", message))?;
    Ok(Kind::Legacy { key, subject: options.word("subject")?.to_owned() })
}

fn legacy_key(secret: &str) -> Result<DecodingKey, &'static str> {
    // As lenient as what the secrets were made for: padding may be missing, and bits left over.
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const BASE64: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    match BASE64.decode(secret) {
        Ok(bytes) if !bytes.is_empty() => Ok(DecodingKey::from_secret(&bytes)),
        _ => Err("expected base64"),
    }
}

fn is_legacy(token: &Token<'_>, key: &DecodingKey, now: Timestamp) -> bool {
    token.algorithm() == Some(Algorithm::HS256)
        && token.claims.sub.as_deref() == Some(LEGACY_SUBJECT)
        && token.claims.aud.is_none()
        && jsonwebtoken::crypto::verify(token.signature, token.signed.as_bytes(), key, Algorithm::HS256)
            .unwrap_or(false)
        && token.claims.is_current(now)
}

impl Issuer {
    fn parse(options: &Options<'_>) -> Result<Self, SettingsError> {
        let url = options.required_text("url")?;
        if !url.starts_with("https://") && !url.starts_with("http://") {
            return Err(options.wrong("url", "expected a URL that begins with http:// or https://"));
        }
        let subject_prefix = match options.text("subjectPrefix")? {
            Some(_) => Some(options.word("subjectPrefix")?.to_owned()),
            None => None,
        };
        Ok(Self {
            url: url.to_owned(),
            issuers: options.words("issuer")?,
            audiences: options.words("audience")?,
            algorithms: algorithms(options)?,
            subject_prefix,
        })
    }

    /// The subject of a token, if this issuer issued it.
    async fn subject_of(&self, token: &Token<'_>, now: Timestamp, keys: &JwksCache) -> Option<String> {
        let claims = &token.claims;
        let subject = claims.sub.as_deref().filter(|subject| !subject.is_empty())?;
        let is_for_us =
            |audiences: &Vec<String>| audiences.iter().any(|audience| claims.has_audience(audience));
        let is_theirs =
            |issuers: &Vec<String>| claims.iss.as_ref().is_some_and(|issuer| issuers.contains(issuer));
        // What costs nothing comes first: keys are not loaded for tokens of somebody else.
        if !self.audiences.as_ref().is_none_or(is_for_us)
            || !self.issuers.as_ref().is_none_or(is_theirs)
            || !claims.is_current(now)
        {
            return None;
        }
        let verified = keys.verify(&self.url, token, self.algorithms.as_deref()).await;
        if let Err(error) = verified {
            tracing::debug!(url = self.url, %error, "a token was not accepted");
            return None;
        }
        Some(match &self.subject_prefix {
            Some(prefix) => format!("external:{prefix}:{subject}"),
            None => format!("external:{subject}"),
        })
    }
}

/// The algorithms that are taken; none for those of the keys. Symmetric ones cannot be: their keys are not public.
fn algorithms(options: &Options<'_>) -> Result<Option<Vec<Algorithm>>, SettingsError> {
    let Some(names) = options.words("algorithm")? else { return Ok(None) };
    let algorithm = |name: &String| match name.parse::<Algorithm>() {
        Ok(algorithm) if !name.starts_with("HS") => Ok(algorithm),
        _ => {
            let message = format!("expected algorithms such as RS256 or ES256, not {name:?}");
            Err(options.wrong("algorithm", message))
        }
    };
    names.iter().map(algorithm).collect::<Result<_, _>>().map(Some)
}

/// Nothing that is secret, not even its hash.
impl fmt::Debug for Kind {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Static { subject, .. } => formatter.debug_tuple("Static").field(subject).finish(),
            Self::Legacy { subject, .. } => formatter.debug_tuple("Legacy").field(subject).finish(),
            Self::Jwks(issuer) => issuer.fmt(formatter),
        }
    }
}
