//! Each value once, by a small number: what many records say alike is compared once for all of them.

use std::collections::BTreeMap;

/// The number of a value.
pub(super) type Class = u32;

/// Values in use; numbers of those that went are used again.
#[derive(Clone, Debug)]
pub(super) struct Pool<T> {
    index: BTreeMap<T, Class>,
    /// Each value, and how many records have it; 0 where the number is free.
    values: Vec<(T, u32)>,
    free: Vec<Class>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { index: BTreeMap::new(), values: Vec::new(), free: Vec::new() }
    }
}

impl<T: Ord + Clone> Pool<T> {
    /// The number of a value, for one record more.
    pub(super) fn add(&mut self, value: &T) -> Class {
        if let Some(class) = self.index.get(value) {
            let held = self.values.get_mut(*class as usize);
            held.into_iter().for_each(|(_, uses)| *uses += 1);
            return *class;
        }
        let class = self.free.pop().unwrap_or(self.values.len() as Class);
        match self.values.get_mut(class as usize) {
            Some(place) => *place = (value.clone(), 1),
            None => self.values.push((value.clone(), 1)),
        }
        self.index.insert(value.clone(), class);
        class
    }

    /// One record less has it.
    pub(super) fn remove(&mut self, class: Class) {
        let Some((value, uses)) = self.values.get_mut(class as usize) else { return };
        *uses = uses.saturating_sub(1);
        if *uses == 0 {
            self.index.remove(value);
            self.free.push(class);
        }
    }

    /// What each value in use comes to, at the place of its number.
    pub(super) fn table(&self, table: &mut Vec<u32>, mut of: impl FnMut(&T) -> u32) {
        table.clear();
        table.extend(self.values.iter().map(|(value, uses)| if *uses == 0 { 0 } else { of(value) }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_has_one_number_as_long_as_a_record_has_it() {
        let mut pool = Pool::default();
        assert_eq!([pool.add(&"a"), pool.add(&"b"), pool.add(&"a")], [0, 1, 0]);
        pool.remove(0);
        assert_eq!(pool.add(&"a"), 0);
        pool.remove(0);
        pool.remove(0);
        assert_eq!([pool.add(&"c"), pool.add(&"a"), pool.add(&"c")], [0, 2, 0]);
        let mut table = Vec::new();
        pool.table(&mut table, |value| value.len() as u32 + u32::from(*value == "b"));
        assert_eq!(table, [1, 2, 1]);
        pool.remove(1);
        pool.table(&mut table, |_| 7);
        assert_eq!(table, [7, 0, 7]);
    }
}
