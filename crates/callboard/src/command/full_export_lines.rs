//! A full export as lines of JSON: a header, then locations and entities, and a last line by which damage is noticed.

use std::io::{BufRead, Read as _, Write};

use anyhow::{Context, Result, bail, ensure};
use callboard_engine::imported_claim;
use callboard_model::{EntityRef, LocationKey};
use callboard_store::{
    CarriedClaim, CarriedEntity, ClaimSource, Document, LastClaim, ProviderName, RegisteredLocation, Uid,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::location_list::ListedLocation;

/// The version of the format.
pub(crate) const VERSION: u32 = 2;
/// No line is longer, so that a file that is something else does not fill the memory.
const MAX_LINE_BYTES: u64 = 256 << 20;
/// What to do about a file that is not as it was written.
const DAMAGED: &str = "the file is damaged or was changed: copy it again, or export again";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Header {
    pub(crate) callboard_export: HeaderContent,
}

#[derive(Serialize, Deserialize)]
pub(crate) struct HeaderContent {
    pub(crate) version: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Location(ListedLocation),
    Entity(EntityLine),
    End(End),
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct EntityLine {
    #[serde(rename = "ref")]
    entity_ref: String,
    uid: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    claims: Vec<ClaimLine>,
    #[serde(skip_serializing_if = "Option::is_none")]
    orphan: Option<ClaimLine>,
}

/// A claim by a provider or by an entity; that of an orphan is by nobody.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ClaimLine {
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    location_key: Option<String>,
    document: Box<RawValue>,
}

/// How much there was before the last line, and the BLAKE3 hash of that.
#[derive(Serialize, Deserialize)]
struct End {
    locations: u64,
    entities: u64,
    blake3: String,
}

/// What is in a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    Location(ListedLocation),
    Entity(CarriedEntity),
}

/// Writes an export.
pub(crate) struct Writer<W> {
    file: W,
    hasher: blake3::Hasher,
    pub(crate) locations: u64,
    pub(crate) entities: u64,
}

impl<W: Write> Writer<W> {
    /// Begins with the header.
    pub(crate) fn new(file: W) -> Result<Self> {
        let mut writer = Self { file, hasher: blake3::Hasher::new(), locations: 0, entities: 0 };
        writer.line(&Header { callboard_export: HeaderContent { version: VERSION } })?;
        Ok(writer)
    }

    pub(crate) fn location(&mut self, location: RegisteredLocation) -> Result<()> {
        self.locations += 1;
        self.line(&Line::Location(ListedLocation {
            id: location.id.to_string(),
            location_type: location.location_type,
            target: location.target,
            entity_ref: Some(location.entity_ref.as_str().to_owned()),
        }))
    }

    pub(crate) fn entity(&mut self, entity: &CarriedEntity) -> Result<()> {
        self.entities += 1;
        let named = || format!("what is stored of {}", entity.entity_ref);
        let line = entity_line(entity).with_context(named)?;
        self.line(&Line::Entity(line))
    }

    /// Writes the last line.
    pub(crate) fn finish(mut self) -> Result<()> {
        let blake3 = self.hasher.finalize().to_hex().to_string();
        let (locations, entities) = (self.locations, self.entities);
        self.line(&Line::End(End { locations, entities, blake3 }))?;
        Ok(self.file.flush()?)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<()> {
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        self.hasher.update(&text);
        Ok(self.file.write_all(&text)?)
    }
}

fn entity_line(entity: &CarriedEntity) -> Result<EntityLine> {
    let claims = entity.claims.iter().map(|CarriedClaim { source, claim }| {
        let (provider, parent) = match source {
            ClaimSource::Provider(provider) => (Some(provider.as_str().to_owned()), None),
            ClaimSource::Entity(parent) => (None, Some(parent.as_str().to_owned())),
        };
        claim_line(provider, parent, claim.location_key.as_ref(), &claim.document)
    });
    let claims = claims.collect::<Result<Vec<_>>>()?;
    let orphan = entity.orphaned.as_ref();
    let orphan = orphan.map(|last| claim_line(None, None, last.location_key.as_ref(), &last.document));
    Ok(EntityLine {
        entity_ref: entity.entity_ref.as_str().to_owned(),
        uid: entity.uid.to_string(),
        claims,
        orphan: orphan.transpose()?,
    })
}

fn claim_line(
    provider: Option<String>,
    entity: Option<String>,
    key: Option<&LocationKey>,
    document: &Document,
) -> Result<ClaimLine> {
    let mut text = String::from_utf8(document.json.to_vec())?;
    if text.contains('\n') {
        text = serde_json::from_str::<serde_json::Value>(&text)?.to_string();
    }
    let document = RawValue::from_string(text)?;
    Ok(ClaimLine { provider, entity, location_key: key.map(|key| key.as_str().to_owned()), document })
}

/// Reads an export, line by line; `file` begins with the header.
pub(crate) struct Reader<R> {
    file: R,
    hasher: blake3::Hasher,
    line: u64,
    text: Vec<u8>,
    locations: u64,
    entities: u64,
    is_at_end: bool,
}

impl<R: BufRead> Reader<R> {
    pub(crate) fn new(file: R) -> Result<Self> {
        let mut reader = Self {
            file,
            hasher: blake3::Hasher::new(),
            line: 0,
            text: Vec::new(),
            locations: 0,
            entities: 0,
            is_at_end: false,
        };
        // The header was looked at by the caller.
        reader.read_line()?;
        reader.hasher.update(&reader.text);
        Ok(reader)
    }

    /// How many bytes of text the last item was.
    pub(crate) fn item_bytes(&self) -> usize {
        self.text.len()
    }

    /// The next item; `None` after the last one, if the file is whole.
    pub(crate) fn next(&mut self) -> Result<Option<Item>> {
        if self.is_at_end {
            return Ok(None);
        }
        if !self.read_line()? {
            bail!("line {}: the file is cut short, its last line is missing: {DAMAGED}", self.line);
        }
        let line = self.line;
        let at = || format!("line {line}: {DAMAGED}");
        match serde_json::from_slice(&self.text).with_context(at)? {
            Line::Location(location) => {
                self.locations += 1;
                self.hasher.update(&self.text);
                Ok(Some(Item::Location(location)))
            }
            Line::Entity(entity) => {
                self.entities += 1;
                self.hasher.update(&self.text);
                Ok(Some(Item::Entity(carried_entity(entity).with_context(at)?)))
            }
            Line::End(end) => {
                self.check_end(&end)?;
                Ok(None)
            }
        }
    }

    fn check_end(&mut self, end: &End) -> Result<()> {
        let line = self.line;
        let (locations, entities) = (self.locations, self.entities);
        ensure!(
            (end.locations, end.entities) == (locations, entities),
            "line {line}: there should be {} locations and {} entities before it, and there are {locations} and \
             {entities}: {DAMAGED}",
            end.locations,
            end.entities
        );
        ensure!(
            self.hasher.finalize().to_hex().as_str() == end.blake3,
            "line {line}: its hash is not that of the lines before it: {DAMAGED}"
        );
        ensure!(!self.read_line()?, "line {}: there is something after the end: {DAMAGED}", self.line);
        self.is_at_end = true;
        Ok(())
    }

    /// Whether there is one more.
    fn read_line(&mut self) -> Result<bool> {
        self.line += 1;
        self.text.clear();
        let mut limited = (&mut self.file).take(MAX_LINE_BYTES);
        limited.read_until(b'\n', &mut self.text).with_context(|| format!("line {}", self.line))?;
        if self.text.last().is_some_and(|byte| *byte != b'\n') && limited.limit() == 0 {
            bail!("line {} is too long: {DAMAGED}", self.line);
        }
        Ok(!self.text.is_empty())
    }
}

fn carried_entity(line: EntityLine) -> Result<CarriedEntity> {
    let entity_ref = EntityRef::parse_canonical(&line.entity_ref)?;
    let uid = Uid::parse(&line.uid).with_context(|| format!("{:?} is no uid", line.uid))?;
    let mut claims = Vec::with_capacity(line.claims.len());
    for ClaimLine { provider, entity, location_key, document } in line.claims {
        let source = match (provider, entity) {
            (Some(provider), None) => ClaimSource::Provider(ProviderName::new(&provider)),
            (None, Some(parent)) => ClaimSource::Entity(EntityRef::parse_canonical(&parent)?),
            _ => bail!("a claim on {entity_ref} is not by one provider or one entity"),
        };
        let claim = claim_on(&entity_ref, location_key.as_deref(), &document)?;
        claims.push(CarriedClaim { source, claim });
    }
    let orphaned = match line.orphan {
        Some(last) => {
            let claim = claim_on(&entity_ref, last.location_key.as_deref(), &last.document)?;
            Some(LastClaim { location_key: claim.location_key, document: claim.document })
        }
        None => None,
    };
    ensure!(claims.is_empty() == orphaned.is_some(), "{entity_ref} has to have claims or to be an orphan");
    Ok(CarriedEntity { entity_ref, uid, claims, orphaned })
}

fn claim_on(
    entity_ref: &EntityRef,
    key: Option<&str>,
    document: &RawValue,
) -> Result<callboard_store::NewClaim> {
    let claim = imported_claim(document.get().as_bytes(), key.map(LocationKey::new))
        .with_context(|| format!("a document of {entity_ref} is no entity"))?;
    ensure!(claim.entity_ref == *entity_ref, "a document of {entity_ref} is of {}", claim.entity_ref);
    Ok(claim)
}

#[cfg(test)]
mod tests;
