//! What sources say: two providers that quarrel over entities, and files that are registered, changed and taken off.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use rand::RngExt as _;
use rand::rngs::StdRng;
use serde_json::{Value, json};
use tempfile::TempDir;

/// Their names. Each has a location key of its own, so that of two who claim one entity the first keeps it.
pub(super) const PROVIDERS: [&str; 2] = ["left", "right"];
/// How many entities the providers share.
const PUPPETS: usize = 160;
const FILES: usize = 10;
const PROPS_PER_FILE: usize = 25;
const CREWS: usize = 6;

/// Something that the catalog is to be told.
#[derive(Debug, Clone)]
pub(super) enum Change {
    /// A provider has these entities.
    Replace { provider: &'static str, entities: Vec<Value> },
    /// A provider has some more or others, and some no more.
    Delta { provider: &'static str, added: Vec<Value>, removed: Vec<String> },
    /// A file is registered.
    Register { target: String },
    /// A file is not registered any more.
    Unregister { target: String },
}

pub(super) struct Sources {
    folder: TempDir,
    registered: [bool; FILES],
    revision: usize,
}

impl Sources {
    pub(super) fn new() -> Result<Self> {
        let this = Self { folder: tempfile::tempdir()?, registered: [false; FILES], revision: 0 };
        for file in 0..FILES {
            this.write(file)?;
        }
        Ok(this)
    }

    /// Draws the next change. Files change by themselves.
    pub(super) fn draw(&mut self, random: &mut StdRng) -> Result<Change> {
        self.revision += 1;
        let provider = PROVIDERS[random.random_range(0..PROVIDERS.len())];
        let file = random.random_range(0..FILES);
        Ok(match random.random_range(0..10) {
            0 | 1 => {
                let share = random.random_range(0.0..0.8);
                let numbers = (0..PUPPETS).filter(|_| random.random_bool(share));
                let entities = numbers.map(|number| self.puppet(number, provider)).collect();
                Change::Replace { provider, entities }
            }
            2..=6 => {
                let mut some = || -> Vec<usize> {
                    let count = random.random_range(0..20);
                    (0..count).map(|_| random.random_range(0..PUPPETS)).collect()
                };
                let (mut added, removed) = (some(), some());
                added.sort_unstable();
                added.dedup();
                added.retain(|number| !removed.contains(number));
                Change::Delta {
                    provider,
                    added: added.into_iter().map(|number| self.puppet(number, provider)).collect(),
                    removed: removed.into_iter().map(|n| format!("component:default/puppet-{n}")).collect(),
                }
            }
            7 if self.registered[file] => {
                self.write(file)?;
                Change::Register { target: self.target(file) }
            }
            7 | 8 => {
                self.registered[file] = true;
                Change::Register { target: self.target(file) }
            }
            _ => {
                self.registered[file] = false;
                Change::Unregister { target: self.target(file) }
            }
        })
    }

    fn path(&self, file: usize) -> PathBuf {
        self.folder.path().join(format!("scene-{file}.yaml"))
    }

    fn target(&self, file: usize) -> String {
        self.path(file).display().to_string()
    }

    fn puppet(&self, number: usize, provider: &str) -> Value {
        json!({
            "apiVersion": "backstage.io/v1alpha1",
            "kind": "Component",
            "metadata": { "name": format!("puppet-{number}"), "description": format!("revision {}", self.revision) },
            "spec": {
                "type": provider,
                "lifecycle": "production",
                "owner": format!("crew-{}", (number + self.revision) % CREWS),
                "dependsOn": [format!("component:puppet-{}", (number * 7 + self.revision) % PUPPETS)],
            },
        })
    }

    /// Always the same entities, so that it does not matter which revisions of a file somebody has seen.
    fn write(&self, file: usize) -> Result<()> {
        let mut text = format!(
            "apiVersion: backstage.io/v1alpha1\nkind: Group\nmetadata: {{ name: crew-{file} }}\n\
             spec: {{ type: team, children: [] }}\n"
        );
        for number in file * PROPS_PER_FILE..(file + 1) * PROPS_PER_FILE {
            let puppet = (number * 3 + self.revision) % PUPPETS;
            write!(
                text,
                "---\napiVersion: backstage.io/v1alpha1\nkind: Component\n\
                 metadata: {{ name: prop-{number}, description: revision {} }}\n\
                 spec: {{ type: prop, lifecycle: production, owner: crew-{}, dependsOn: ['component:puppet-{puppet}'] }}\n",
                self.revision,
                number % CREWS,
            )?;
        }
        // At once, so that nobody reads a half.
        let new = self.path(file).with_extension("new");
        std::fs::write(&new, text)?;
        std::fs::rename(new, self.path(file))?;
        Ok(())
    }
}
