//! Which claim wins. One function, so that every database agrees.

/// What decides about a claim, `K` being however the database names a location key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClaimStanding<K> {
    /// Its location key.
    pub key: Option<K>,
    /// When it was made, in the store's own counting; a claim that gets another key is made anew.
    pub made: i64,
    /// When its document was last written, in the same counting.
    pub written: i64,
}

/// The place of the winning claim in `claims`; `None` if there are none.
///
/// `incumbent` is the key the entity has now. The rules are those of [`NewClaim`](crate::NewClaim).
///
/// ```
/// use callboard_store::{ClaimStanding, winning_claim};
///
/// let keyless = ClaimStanding { key: None, made: 1, written: 9 };
/// let first = ClaimStanding { key: Some("a"), made: 2, written: 2 };
/// let second = ClaimStanding { key: Some("b"), made: 3, written: 8 };
/// assert_eq!(winning_claim(None, &[keyless, second, first]), Some(2), "the older key wins");
/// assert_eq!(winning_claim(Some(&"b"), &[keyless, second, first]), Some(1), "unless another has it already");
/// assert_eq!(winning_claim(Some(&"b"), &[keyless]), Some(0));
/// ```
pub fn winning_claim<K: PartialEq>(incumbent: Option<&K>, claims: &[ClaimStanding<K>]) -> Option<usize> {
    let held = incumbent.filter(|key| claims.iter().any(|claim| claim.key.as_ref() == Some(key)));
    let oldest_key = || {
        let keyed = claims.iter().filter(|claim| claim.key.is_some());
        keyed.min_by_key(|claim| claim.made).and_then(|claim| claim.key.as_ref())
    };
    let winning_key = held.or_else(oldest_key);
    let contenders = claims.iter().enumerate().filter(|(_, claim)| claim.key.as_ref() == winning_key);
    contenders.max_by_key(|(_, claim)| claim.written).map(|(place, _)| place)
}
