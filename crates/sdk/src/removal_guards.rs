use serde::Deserialize;
use thiserror::Error;

/// When a change of a bucket is refused because it would remove too much: a source that fails often answers with
/// a part of what it has, or with nothing.
///
/// ```
/// use callboard_sdk::RemovalGuards;
///
/// let guards = RemovalGuards { reject_removals_above_percentage: 20.0, reject_empty_source_collections: true };
/// assert!(guards.check(20, 100, false).is_ok());
/// assert!(guards.check(21, 100, false).is_err());
/// assert!(guards.check(1, 1, true).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, expecting = "an object")]
pub struct RemovalGuards {
    /// Refuse to remove more than so many of a hundred entities; 0, the default, for any number.
    pub reject_removals_above_percentage: f64,
    /// Refuse an empty answer where there were entities before.
    pub reject_empty_source_collections: bool,
}

/// A change of a bucket was refused because it would have removed too much. Somebody has to look at the source,
/// and may confirm that it is right: the next change is let pass then.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "refused to remove {removed} of {total} entities; look whether the source is right, and confirm it then"
)]
pub struct RemovalRefused {
    /// How many entities it would have removed.
    pub removed: u64,
    /// How many there were.
    pub total: u64,
}

impl RemovalGuards {
    /// Looks at a change that removes `removed` of `total` entities. `is_empty`: the source has none any more.
    ///
    /// # Errors
    ///
    /// It is refused.
    pub fn check(&self, removed: u64, total: u64, is_empty: bool) -> Result<(), RemovalRefused> {
        let refused = RemovalRefused { removed, total };
        if removed == 0 {
            return Ok(());
        }
        if is_empty && self.reject_empty_source_collections {
            return Err(refused);
        }
        #[expect(clippy::cast_precision_loss, reason = "no bucket is so large that it would matter")]
        let percentage = 100.0 * removed as f64 / total as f64;
        if self.reject_removals_above_percentage > 0.0 && percentage > self.reject_removals_above_percentage {
            return Err(refused);
        }
        Ok(())
    }

    /// Whether anything can be refused.
    pub fn are_on(&self) -> bool {
        self.reject_empty_source_collections || self.reject_removals_above_percentage > 0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_refused() {
        let above = |percentage| RemovalGuards {
            reject_removals_above_percentage: percentage,
            ..RemovalGuards::default()
        };
        let empty = RemovalGuards { reject_empty_source_collections: true, ..RemovalGuards::default() };
        // removed, total, empty
        let cases = [
            (above(50.0), (1, 2, false), true),
            (above(50.0), (2, 3, false), false),
            (above(50.0), (0, 0, true), true),
            (above(0.0), (9, 9, true), true),
            (above(100.0), (9, 9, true), true),
            (above(0.5), (1, 100, false), false),
            (empty, (9, 9, true), false),
            (empty, (9, 9, false), true),
            (empty, (0, 0, true), true),
        ];
        for (guards, (removed, total, is_empty), passes) in cases {
            let checked = guards.check(removed, total, is_empty);
            assert_eq!(checked.is_ok(), passes, "{guards:?} {removed} of {total}");
        }
    }
}
