use callboard_model::EntityRef;
use serde_json::{Value, json};

/// A made-up catalog of `size` entities, the same every time: 70 % components, 10 % APIs, 15 % users, 5 % groups, as in
/// a large company, with some 39 search terms and 1.2 KB each.
#[derive(Debug, Clone, Copy)]
pub struct SyntheticCatalog {
    /// How many entities.
    pub size: usize,
}

impl SyntheticCatalog {
    fn kind(n: usize) -> &'static str {
        match n % 20 {
            0..14 => "Component",
            14 | 15 => "API",
            16..19 => "User",
            _ => "Group",
        }
    }

    /// The name of the entity with this number.
    pub fn name(n: usize) -> String {
        let word = |salt: usize| WORDS[mixed(n * 17 + salt) % WORDS.len()];
        format!("{}-{}-{n}", word(1), word(2))
    }

    /// The ref of the entity with this number, below `size`.
    pub fn entity_ref(&self, n: usize) -> EntityRef {
        EntityRef::new(Self::kind(n % self.size), "default", &Self::name(n))
    }

    /// The ref of some group: one number in twenty is a group's.
    pub fn owner(&self, n: usize) -> String {
        let groups = (self.size / 20).max(1);
        format!("group:default/{}", Self::name((mixed(n) % groups) * 20 + 19))
    }

    /// The final entity with this number, without the relations that others would add.
    pub fn entity(&self, n: usize) -> Value {
        let kind = Self::kind(n);
        let name = Self::name(n);
        let random = mixed(n);
        let pick = |salt: usize, count: usize| mixed(n * 31 + salt) % count;
        let owner = self.owner(n);
        let system = format!("system:default/system-{:05}", pick(1, self.size / 100 + 1));
        let url = format!("https://git.example.com/org-{}/{name}/blob/main/info.yaml", pick(2, 50));
        let mut relations = vec![json!({ "type": "ownedBy", "targetRef": owner })];
        let mut spec = json!({ "owner": owner, "lifecycle": LIFECYCLES[pick(3, LIFECYCLES.len())] });
        match kind {
            "Component" => {
                let other = Self::name(pick(4, self.size) / 20 * 20);
                let kind_of = if random.is_multiple_of(300) { "rare" } else { TYPES[pick(5, TYPES.len())] };
                spec["type"] = json!(kind_of);
                spec["system"] = json!(system);
                spec["dependsOn"] = json!([format!("component:{other}")]);
                relations.push(json!({ "type": "partOf", "targetRef": system }));
                relations
                    .push(json!({ "type": "dependsOn", "targetRef": format!("component:default/{other}") }));
            }
            "API" => {
                spec["type"] = json!("openapi");
                spec["definition"] = json!("openapi: 3.1.0\n".repeat(10));
                relations.push(
                    json!({ "type": "apiProvidedBy", "targetRef": format!("component:default/{name}") }),
                );
            }
            "User" => {
                spec = json!({ "profile": { "displayName": format!("Person Number {n}"), "email": format!("person{n}@example.com") }, "memberOf": [owner] });
                relations = vec![json!({ "type": "memberOf", "targetRef": owner })];
            }
            _ => {
                spec = json!({ "type": "team", "profile": { "displayName": format!("Group {n}") }, "children": [] });
            }
        }
        json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": kind,
            "metadata": {
                "name": name,
                "namespace": "default",
                "uid": uid(n),
                "etag": format!("{random:040x}"),
                "title": format!("{kind} {n}"),
                "description": format!("What {n} does for the people of team {}", pick(6, 1000)),
                "labels": { "tier": TIERS[pick(7, 4)], "example.com/zone": format!("zone-{}", pick(8, 12)), "cost-center": pick(9, 400) },
                "tags": [format!("tag-{}", pick(10, 60)), format!("tag-{}", 60 + pick(11, 60)), "managed", "tier", "v1"],
                "links": [{ "url": format!("https://dash.example.com/{name}"), "title": "Dashboard" }],
                "annotations": {
                    "backstage.io/managed-by-location": format!("url:{url}"),
                    "backstage.io/managed-by-origin-location": format!("url:{url}"),
                    "backstage.io/view-url": url,
                    "backstage.io/edit-url": url.replace("blob", "edit"),
                    "backstage.io/source-location": url.replace("info.yaml", ""),
                    "example.com/project-slug": format!("org-{}/{name}", pick(2, 50)),
                    "example.com/on-call": format!("rota-{}", pick(12, 300)),
                },
            },
            "spec": spec,
            "relations": relations,
        })
    }
}

const WORDS: [&str; 24] = [
    "order", "cart", "ledger", "invoice", "player", "search", "media", "stream", "wallet", "ticket", "stage",
    "prop", "actor", "scene", "light", "sound", "curtain", "seat", "guest", "booking", "mail", "event",
    "audit", "report",
];
const TYPES: [&str; 11] = [
    "service", "website", "library", "job", "pipeline", "model", "plugin", "cli", "mobile", "docs", "Service",
];
const LIFECYCLES: [&str; 4] = ["production", "experimental", "deprecated", "Production"];
const TIERS: [&str; 4] = ["gold", "silver", "bronze", "none"];

/// The uid of the entity with this number.
pub fn uid(n: usize) -> String {
    let (high, low) = (mixed(n), mixed(n ^ 0x5555_5555));
    let text = format!("{high:016x}{low:016x}");
    [&text[..8], &text[8..12], &text[12..16], &text[16..20], &text[20..]].join("-")
}

/// A number that looks random but is always the same for the same input.
fn mixed(n: usize) -> usize {
    let mut x = (n as u64).wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    usize::try_from((x ^ (x >> 31)) >> 1).unwrap_or_default()
}

/// Every number below `size` once, in no particular order, for sizes that the prime does not divide.
pub fn shuffled(n: usize, size: usize) -> usize {
    (n * 7919) % size
}
