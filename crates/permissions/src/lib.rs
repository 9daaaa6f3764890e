//! Who may do what on which entities: permissions, rules, decisions, and who makes them.
//!
//! A [`Permission`] is something that a caller may or may not do. A [`PermissionAuthority`] decides: everything is
//! allowed, a Backstage permission backend is asked, or a policy file says so. A decision may depend on the entity; then
//! it comes with [`Conditions`], made of rules, which a [`RuleSet`] turns into a predicate of the index. This crate must
//! not know routes or what a refusal looks like to a client, nor how a caller proved who they are.
//!
//! A newcomer starts at [`Session`], which is what one request may do, then reads `authority.rs`, and of the authorities
//! `policy/mod.rs` or `backend.rs`.

mod access;
mod authority;
mod backend;
mod built_in_rules;
mod claims;
mod conditions;
mod decision;
mod permission;
mod policy;
mod rule_set;
mod session;

pub use self::access::Access;
pub use self::authority::{AllowAll, AuthorityError, Caller, PermissionAuthority, Refusal};
pub use self::backend::{BackendAuthority, BackendOptions};
pub use self::conditions::{Conditions, ConditionsError, Issue, RuleCondition};
pub use self::decision::{Decision, Question};
pub use self::permission::{PERMISSIONS, Permission, RESOURCE_TYPE};
pub use self::policy::{Policy, PolicyAuthority, PolicyProblem};
pub use self::rule_set::{ConditionError, DuplicateRule, RuleSet};
pub use self::session::{DecisionError, Permissions, Session};
