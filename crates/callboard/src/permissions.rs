//! Configuration, translated into who may do what.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, bail};
use callboard_auth::{SigningKeys, backend_client};
use callboard_config::{Config, ConfigError, ConfigPath, ConfigSources, Environment, load};
use callboard_permissions::{
    AllowAll, BackendAuthority, BackendOptions, PermissionAuthority, Permissions, Policy, PolicyAuthority,
    RuleSet,
};
use callboard_sdk::PermissionRule;
use serde::Deserialize;
use serde_json::Value;

use crate::authentication::discovery;

/// The name of the permission backend among the plugins of a Backstage.
const PLUGIN: &str = "permission";
/// Where the configuration says something of policies.
const SECTION: &str = "callboard.permissions";
/// Where a policy stands that is part of the configuration.
const INLINE: &str = "callboard.permissions.policy";

/// `callboard.permissions`: a policy of the server's own, in a file or in its place.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(crate) struct PermissionsSection {
    policy_file: Option<PathBuf>,
    policy: Option<Value>,
}

/// Who decides what callers may do, and by which rules.
///
/// # Errors
///
/// A section of the configuration is not what it must be, the policy has mistakes, there are two authorities, or the
/// permission backend cannot be found.
pub(crate) fn permissions(
    config: &Config,
    own: &PermissionsSection,
    keys: &Arc<SigningKeys>,
    extensions: &[Arc<dyn PermissionRule>],
    working_directory: &Path,
) -> Result<Permissions> {
    let rules = Arc::new(RuleSet::with(extensions)?);
    let backend = config.permission()?;
    let PermissionsSection { policy_file, policy } = own;
    refuse_dropped(config, SECTION)?;
    let authority: Arc<dyn PermissionAuthority> = match (backend.enabled, policy_file, policy) {
        (false, None, None) => Arc::new(AllowAll),
        (true, None, None) => {
            let url = discovery(config)?.url_of(PLUGIN).context(
                "permission.enabled is true, and there is no way to the permission backend: backend.baseUrl or an entry \
                 of discovery.endpoints has to say where it is",
            )?;
            tracing::info!(url, "users' requests are put before the permission backend");
            let options =
                BackendOptions { url, keys: Arc::clone(keys), batched_requests: backend.batched_requests };
            Arc::new(BackendAuthority::new(backend_client()?, options))
        }
        (false, Some(file), None) => {
            let policy = policy_of_file(&working_directory.join(file), &rules)?;
            Arc::new(PolicyAuthority::new(policy))
        }
        (false, None, Some(policy)) => {
            Arc::new(PolicyAuthority::new(parse(config, &INLINE.into(), policy, &rules)?))
        }
        _ => bail!(
            "there is more than one of permission.enabled, callboard.permissions.policyFile and \
             callboard.permissions.policy; only one of them can decide"
        ),
    };
    Ok(Permissions { authority, rules })
}

fn policy_of_file(file: &Path, rules: &RuleSet) -> Result<Policy> {
    // Read as a configuration, so that mistakes are shown in the same way; but nothing comes from the environment.
    let sources = ConfigSources {
        files: vec![file.to_owned()],
        directory: PathBuf::new(),
        environment: Environment::default(),
    };
    let config = load(&sources).context("callboard.permissions.policyFile")?;
    refuse_dropped(&config, "")?;
    let whole = config.get(ConfigPath::root()).cloned().unwrap_or_default();
    let policy = parse(&config, &ConfigPath::root(), &whole, rules)?;
    tracing::info!(file = %file.display(), "the policy file decides what callers may do");
    Ok(policy)
}

/// Elsewhere, a value whose variable is not set counts as not given. In a policy it could be the one that keeps somebody
/// out.
fn refuse_dropped(config: &Config, section: &str) -> Result<()> {
    let is_within = |key: &ConfigPath| key.to_string().starts_with(section);
    match config.dropped().iter().find(|dropped| is_within(&dropped.key)) {
        Some(dropped) => {
            bail!("{}: {} refers to {}, which is not set", dropped.origin, dropped.key, dropped.variable)
        }
        None => Ok(()),
    }
}

fn parse(
    config: &Config,
    place: &ConfigPath,
    policy: &Value,
    rules: &RuleSet,
) -> Result<Policy, ConfigError> {
    Policy::parse(policy, rules).map_err(|problems| {
        let problems = problems.into_iter().map(|problem| {
            let within = problem.path.as_str();
            let path = if within.is_empty() { place.clone() } else { place.join(&within.into()) };
            config.problem(path, problem.message)
        });
        ConfigError::Invalid(problems.collect())
    })
}
