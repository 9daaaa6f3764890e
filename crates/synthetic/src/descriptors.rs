//! Descriptors as a provider emits them. The rules by which they are made are kept to the byte, so that other programs
//! can make the same ones and be measured with them.

use serde_json::{Map, Value, json};

/// A made-up set of `size` descriptors, the same every time. Of each hundred, 70 are components, 10 APIs, 10 users,
/// 5 groups, 3 systems, one is a domain and one a resource; they have 1.4 KB of JSON and 5.4 relations each, both
/// directions counted.
#[derive(Debug, Clone, Copy)]
pub struct Descriptors {
    /// How many there are. It decides how many groups, systems and so on there are to refer to.
    pub size: usize,
    /// Is in an annotation of each; another revision makes every descriptor another one.
    pub revision: usize,
}

/// A kind, and which of a hundred consecutive numbers are of it.
struct Share {
    kind: &'static str,
    first: usize,
    count: usize,
    salt: u32,
}

const DOMAIN: Share = Share { kind: "Domain", first: 0, count: 1, salt: 1100 };
const GROUP: Share = Share { kind: "Group", first: 1, count: 5, salt: 1200 };
const SYSTEM: Share = Share { kind: "System", first: 6, count: 3, salt: 1300 };
const RESOURCE: Share = Share { kind: "Resource", first: 9, count: 1, salt: 1400 };
const API: Share = Share { kind: "API", first: 10, count: 10, salt: 1500 };
const USER: Share = Share { kind: "User", first: 20, count: 10, salt: 1600 };
const COMPONENT: Share = Share { kind: "Component", first: 30, count: 70, salt: 1700 };
const SHARES: [&Share; 7] = [&DOMAIN, &GROUP, &SYSTEM, &RESOURCE, &API, &USER, &COMPONENT];

const WORDS: [&str; 61] = [
    "foo",
    "account",
    "alert",
    "archive",
    "asset",
    "audit",
    "batch",
    "billing",
    "broker",
    "bucket",
    "cache",
    "canary",
    "cart",
    "catalog",
    "checkout",
    "claim",
    "cluster",
    "consent",
    "contract",
    "crawler",
    "credit",
    "currency",
    "customer",
    "dashboard",
    "delivery",
    "device",
    "discount",
    "document",
    "export",
    "feature",
    "feed",
    "fraud",
    "gateway",
    "identity",
    "import",
    "insight",
    "inventory",
    "invoice",
    "ledger",
    "loyalty",
    "mailer",
    "media",
    "metric",
    "notify",
    "offer",
    "order",
    "partner",
    "payment",
    "planner",
    "policy",
    "portal",
    "price",
    "profile",
    "quota",
    "rating",
    "refund",
    "report",
    "review",
    "reward",
    "router",
    "search",
];
const TYPES: [&str; 8] =
    ["service", "service", "service", "website", "library", "library", "data-pipeline", "ml-model"];
const LIFECYCLES: [&str; 5] = ["production", "production", "production", "experimental", "deprecated"];
const API_TYPES: [&str; 5] = ["openapi", "openapi", "grpc", "asyncapi", "graphql"];
const RESOURCE_TYPES: [&str; 4] = ["database", "s3-bucket", "queue", "cache"];
const TIERS: [&str; 4] = ["tier-0", "tier-1", "tier-2", "tier-3"];

impl Descriptors {
    /// The descriptor with this number.
    pub fn descriptor(&self, number: usize) -> Value {
        let slot = number % 100;
        let share = SHARES.iter().rev().find(|share| share.first <= slot).copied().unwrap_or(&COMPONENT);
        Draft { set: *self, share, place: number / 100 * share.count + slot - share.first }.descriptor()
    }

    /// All of them, in order.
    pub fn all(&self) -> impl Iterator<Item = Value> {
        let set = *self;
        (0..self.size).map(move |number| set.descriptor(number))
    }

    /// How many of a kind there are.
    fn count(&self, share: &Share) -> usize {
        let rest = (self.size % 100).saturating_sub(share.first).min(share.count);
        self.size / 100 * share.count + rest
    }
}

/// The descriptor of a kind with a number among those of that kind.
struct Draft {
    set: Descriptors,
    share: &'static Share,
    place: usize,
}

impl Draft {
    fn descriptor(&self) -> Value {
        json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": self.share.kind,
            "metadata": self.metadata(),
            "spec": self.spec(),
        })
    }

    fn metadata(&self) -> Value {
        let (kind, place) = (self.share.kind, self.place);
        let number = format!("{place:06}");
        let repository = format!("https://git.example.com/{}/{}-{number}", self.word(3), kind.to_lowercase());
        let file = format!("url:{repository}/tree/main/catalog-info.yaml");
        let mut tags: Vec<String> = Vec::new();
        for salt in (5..).take(1 + self.choose(4, 4)) {
            let tag = format!("tag-{:03}", self.choose(salt, 200));
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        json!({
            "namespace": "default",
            "name": name(self.share, place),
            "title": format!("{} {} {kind} {place}", self.word(1), self.word(2)),
            "description": format!("{}.", self.sentence(20, 10)),
            "annotations": {
                "backstage.io/managed-by-location": file,
                "backstage.io/managed-by-origin-location": file,
                "backstage.io/view-url": format!("{repository}/blob/main/catalog-info.yaml"),
                "backstage.io/edit-url": format!("{repository}/edit/main/catalog-info.yaml"),
                "backstage.io/source-location": format!("url:{repository}/tree/main/"),
                "backstage.io/techdocs-ref": "dir:.",
                "example.com/revision": format!("rev-{}", self.set.revision),
                "example.com/cost-center": format!("cc-{}", self.choose(10, 50)),
            },
            "labels": {
                "example.com/tier": TIERS[self.choose(11, TIERS.len())],
                "example.com/region": format!("region-{}", self.choose(12, 8)),
            },
            "tags": tags,
            "links": [
                { "url": format!("{repository}/wiki"), "title": "Wiki", "icon": "docs" },
                { "url": format!("https://dash.example.com/d/{number}"), "title": "Dashboard", "icon": "dashboard" },
            ],
        })
    }

    fn spec(&self) -> Value {
        let name = name(self.share, self.place);
        let owner = || self.some(&GROUP, 13).map(Value::from);
        let system = || self.some(&SYSTEM, 15).filter(|_| self.chance(14, 80)).map(Value::from);
        let one_of = |values: &[&str], salt: u32| Some(json!(values[self.choose(salt, values.len())]));
        match self.share.kind {
            "Domain" => object([("owner", owner())]),
            "Group" => object([
                ("type", Some(json!(if self.place.is_multiple_of(5) { "department" } else { "team" }))),
                (
                    "profile",
                    Some(
                        json!({ "displayName": format!("Team {name}"), "email": format!("{name}@example.com") }),
                    ),
                ),
                ("parent", self.place.checked_sub(1).map(|place| reference(&GROUP, place / 8).into())),
                ("children", Some(json!([]))),
            ]),
            "System" => object([("owner", owner()), ("domain", self.some(&DOMAIN, 16).map(Value::from))]),
            "Resource" => {
                object([("type", one_of(&RESOURCE_TYPES, 17)), ("owner", owner()), ("system", system())])
            }
            "API" => object([
                ("type", one_of(&API_TYPES, 17)),
                ("lifecycle", one_of(&LIFECYCLES, 18)),
                ("owner", owner()),
                ("system", system()),
                ("definition", Some(self.definition(&name).into())),
            ]),
            "User" => {
                let profile = json!({
                    "displayName": format!("{} {}", self.word(1), self.word(2)),
                    "email": format!("{name}@example.com"),
                });
                let second = self.some(&GROUP, 19).filter(|_| self.chance(18, 30));
                let groups = list([self.some(&GROUP, 13), second]).unwrap_or_else(|| json!([]));
                object([("profile", Some(profile)), ("memberOf", Some(groups))])
            }
            _ => object([
                ("type", one_of(&TYPES, 17)),
                ("lifecycle", one_of(&LIFECYCLES, 18)),
                ("owner", owner()),
                ("system", system()),
                ("providesApis", list([self.some(&API, 51), None]).filter(|_| self.chance(50, 15))),
                (
                    "consumesApis",
                    list([self.some(&API, 53), self.some(&API, 55).filter(|_| self.chance(54, 50))])
                        .filter(|_| self.chance(52, 40)),
                ),
                (
                    "dependsOn",
                    list([
                        self.some(&COMPONENT, 57),
                        self.some(&RESOURCE, 59).filter(|_| self.chance(58, 30)),
                    ])
                    .filter(|_| self.chance(56, 50)),
                ),
            ]),
        }
    }

    fn definition(&self, name: &str) -> String {
        format!(
            "openapi: 3.0.0\ninfo:\n  title: {name}\n  version: 1.0.0\npaths:\n  /{}:\n    get:\n      summary: {}\n      \
             responses:\n        '200':\n          description: OK\n",
            self.word(40),
            self.sentence(41, 8)
        )
    }

    /// A ref of some entity of this kind, if there is one.
    fn some(&self, share: &'static Share, salt: u32) -> Option<String> {
        let count = self.set.count(share);
        (count > 0).then(|| reference(share, self.choose(salt, count)))
    }

    fn chance(&self, salt: u32, percent: usize) -> bool {
        self.choose(salt, 100) < percent
    }

    fn choose(&self, salt: u32, choices: usize) -> usize {
        choose(self.share.salt + salt, self.place, choices)
    }

    fn word(&self, salt: u32) -> &'static str {
        word(self.share.salt + salt, self.place)
    }

    fn sentence(&self, salt: u32, words: u32) -> String {
        let words: Vec<&str> = (salt..salt + words).map(|salt| self.word(salt)).collect();
        words.join(" ")
    }
}

fn name(share: &Share, place: usize) -> String {
    let (first, second) = (word(share.salt + 1, place), word(share.salt + 2, place));
    format!("{first}-{second}-{}-{place:06}", share.kind.to_lowercase())
}

fn reference(share: &Share, place: usize) -> String {
    format!("{}:default/{}", share.kind.to_lowercase(), name(share, place))
}

fn word(salt: u32, place: usize) -> &'static str {
    WORDS[choose(salt, place, WORDS.len())]
}

/// A number below `choices` that looks random, and is the same for the same input: the end of `MurmurHash3`.
fn choose(salt: u32, place: usize, choices: usize) -> usize {
    let place = u32::try_from(place).unwrap_or(u32::MAX);
    let mut x = salt.wrapping_mul(0x9e37_79b1).wrapping_add(place);
    x = (x ^ (x >> 16)).wrapping_mul(0x85eb_ca6b);
    x = (x ^ (x >> 13)).wrapping_mul(0xc2b2_ae35);
    usize::try_from(x ^ (x >> 16)).unwrap_or_default() % choices
}

/// What is not there is left out.
fn object<const N: usize>(fields: [(&str, Option<Value>); N]) -> Value {
    let present = fields.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
    Value::Object(present.collect::<Map<_, _>>())
}

/// Each once; nothing if there are none.
fn list(refs: [Option<String>; 2]) -> Option<Value> {
    let mut refs: Vec<String> = refs.into_iter().flatten().collect();
    refs.dedup();
    (!refs.is_empty()).then(|| refs.into())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use sha2::{Digest as _, Sha256};

    use super::Descriptors;

    /// What another program made of 10 000 descriptors by the same rules, one JSON a line.
    #[test]
    fn the_bytes_are_always_the_same() {
        let mut lines = String::new();
        for descriptor in (Descriptors { size: 10_000, revision: 0 }).all() {
            writeln!(lines, "{descriptor}").unwrap();
        }
        let hash = Sha256::digest(lines);
        let expected = "e67998bc836bcde6563c08d7134b187674ba2cb5fb6e2bb32ed62ff1e1a4db48";
        let bytes =
            (0..expected.len()).step_by(2).map(|at| u8::from_str_radix(&expected[at..at + 2], 16).unwrap());
        assert!(hash.iter().copied().eq(bytes));
    }
}
