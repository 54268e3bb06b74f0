//! Which places of a feed to ask for: what is held above a hole is not asked for again, and on a slow link the end of a
//! feed comes before its beginning.

/// Entries of a feed's end that come first; about 16 KB.
pub(super) const END: u64 = 16;

/// The stretches of `from..=to` that are not held, in order; `held` has what is, in any order.
pub(super) fn missing(from: u64, to: u64, held: &[(u64, u64)]) -> Vec<(u64, u64)> {
    let mut held = held.to_vec();
    held.sort_unstable();
    let (mut next, mut missing) = (from, Vec::new());
    for (first, last) in held {
        if first > to {
            break;
        }
        if first > next {
            missing.push((next, first - 1));
        }
        next = next.max(last.saturating_add(1));
    }
    if next <= to {
        missing.push((next, to));
    }
    missing
}

/// The last stretch cut in two, where it is long, so that its end can come first.
pub(super) fn end_apart(mut stretches: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    if let Some((first, last)) = stretches.pop() {
        match last + 1 - first > 2 * END {
            true => stretches.extend([(first, last - END), (last - END + 1, last)]),
            false => stretches.push((first, last)),
        }
    }
    stretches
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_left_out() {
        assert_eq!(missing(1, 9, &[]), [(1, 9)]);
        assert_eq!(missing(3, 9, &[(5, 6)]), [(3, 4), (7, 9)]);
        assert_eq!(missing(3, 9, &[(8, 9), (3, 4)]), [(5, 7)]);
        assert_eq!(missing(3, 9, &[(1, 4), (4, 6), (5, 20)]), []);
        assert_eq!(missing(3, 9, &[(10, 12)]), [(3, 9)]);
        assert_eq!(missing(3, 9, &[(1, u64::MAX)]), []);
    }

    #[test]
    fn the_end_of_a_long_stretch_stands_apart() {
        assert_eq!(end_apart(vec![(1, 100)]), [(1, 84), (85, 100)]);
        assert_eq!(end_apart(vec![(1, 4), (9, 41)]), [(1, 4), (9, 25), (26, 41)]);
        assert_eq!(end_apart(vec![(9, 40)]), [(9, 40)]);
        assert_eq!(end_apart(Vec::new()), []);
    }
}
