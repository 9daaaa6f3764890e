//! Numbers by the group that they are in.

/// For each group its members, in the order in which they came.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// Where each group ends.
    ends: Vec<usize>,
    members: Vec<u32>,
}

impl Groups {
    /// Replaces all. Goes twice through pairs of a group, of which there are `count`, and a member.
    pub(super) fn fill<I: Iterator<Item = (u32, u32)>>(&mut self, count: usize, pairs: impl Fn() -> I) {
        let Self { ends, members } = self;
        ends.clear();
        ends.resize(count + 1, 0);
        for (group, _) in pairs() {
            ends[group as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut *ends {
            sum += *start;
            *start = sum;
        }
        // These are where the groups begin, and move on to where they end.
        members.clear();
        members.resize(sum, 0);
        for (group, member) in pairs() {
            let end = &mut ends[group as usize];
            members[*end] = member;
            *end += 1;
        }
        ends.truncate(count);
    }

    pub(super) fn get(&self, group: u32) -> &[u32] {
        let group = group as usize;
        let start = group.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.members[start..self.ends[group]]
    }

    /// The members of each group.
    pub(super) fn iter(&self) -> impl Iterator<Item = &[u32]> {
        let mut start = 0;
        self.ends.iter().map(move |end| {
            let members = &self.members[start..*end];
            start = *end;
            members
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_by_group_in_their_order() {
        let pairs = [(2, 7), (0, 1), (2, 3), (2, 9), (4, 0)];
        let mut groups = Groups::default();
        groups.fill(2, || [(1, 5), (1, 6)].into_iter());
        groups.fill(6, || pairs.iter().copied());
        let expected: [&[u32]; 6] = [&[1], &[], &[7, 3, 9], &[], &[0], &[]];
        assert_eq!(groups.iter().collect::<Vec<_>>(), expected);
        assert_eq!((0..6).map(|group| groups.get(group)).collect::<Vec<_>>(), expected);
        groups.fill(0, std::iter::empty);
        assert_eq!(groups.iter().count(), 0);
    }
}
