use std::collections::{BTreeMap, BTreeSet};

/// Who registered what, so that of two with one name both can be found.
#[derive(Debug, Default, Clone)]
pub struct RegistrationOrigins {
    /// The module that is registering.
    registrant: Option<String>,
    /// Who registered what, by kind and name.
    noted: BTreeMap<(&'static str, String), BTreeSet<String>>,
}

/// What registers without being a module.
const PROGRAM: &str = "the program";

impl RegistrationOrigins {
    /// From now on the module of this name registers. Returns who did before, for [`Self::end`].
    pub(crate) fn begin(&mut self, module: &str) -> Option<String> {
        self.registrant.replace(format!("the module {module}"))
    }

    pub(crate) fn end(&mut self, before: Option<String>) {
        self.registrant = before;
    }

    pub(crate) fn note(&mut self, kind: &'static str, name: &str) {
        let who = self.registrant.clone().unwrap_or_else(|| PROGRAM.to_owned());
        self.noted.entry((kind, name.to_owned())).or_default().insert(who);
    }

    pub(crate) fn forget(&mut self, kind: &'static str) {
        self.noted.retain(|(noted, _), _| *noted != kind);
    }

    /// What is among these names twice, or has a name that is built in.
    pub(crate) fn conflicts<'a>(
        &self,
        names: impl Iterator<Item = (&'static str, &'a str)>,
        built_in: &[(&'static str, &'a str)],
    ) -> Vec<String> {
        let mut counts: BTreeMap<(&'static str, &str), usize> = BTreeMap::new();
        for name in names.chain(built_in.iter().copied()) {
            *counts.entry(name).or_default() += 1;
        }
        let twice = counts.into_iter().filter(|(_, count)| *count > 1).map(|((kind, name), _)| {
            let mut who = self.registrants(kind, name);
            if built_in.contains(&(kind, name)) {
                who.insert(0, "Callboard itself");
            }
            let who = who.join(" and ");
            format!("two {kind} are named {name}, registered by {who}; one of them needs another name")
        });
        let replaced = [("parsers", "that for YAML"), ("location analyzers", "the built-in one")];
        let replaced = replaced.into_iter().filter_map(|(kind, place)| {
            let who = self.noted.get(&(kind, String::new())).filter(|who| who.len() > 1)?;
            let who: Vec<&str> = who.iter().map(String::as_str).collect();
            let who = who.join(" and ");
            Some(format!("two {kind} take the place of {place}, registered by {who}; only one can"))
        });
        twice.chain(replaced).collect()
    }

    fn registrants(&self, kind: &'static str, name: &str) -> Vec<&str> {
        match self.noted.get(&(kind, name.to_owned())) {
            Some(who) => who.iter().map(String::as_str).collect(),
            None => vec![PROGRAM],
        }
    }
}
