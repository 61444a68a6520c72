//! A value for each address family.
//! Input: a value of IPv4 and one of IPv6. Output: that of a family, or both in order.

use std::ops::{Index, IndexMut};

use super::family::Family;

/// A value for each family: rulesets, texts, counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Both<T> {
    /// For IPv4.
    pub v4: T,
    /// For IPv6.
    pub v6: T,
}

impl<T> Both<T> {
    /// What `make` gives for each family, IPv4 first.
    pub fn of(mut make: impl FnMut(Family) -> T) -> Both<T> {
        Both { v4: make(Family::V4), v6: make(Family::V6) }
    }

    /// One value for either family.
    pub fn same(value: T) -> Both<T>
    where
        T: Clone,
    {
        Both { v4: value.clone(), v6: value }
    }

    /// What `change` makes of each value, IPv4 first.
    pub fn map<U>(self, mut change: impl FnMut(T) -> U) -> Both<U> {
        Both { v4: change(self.v4), v6: change(self.v6) }
    }

    /// References to both values.
    pub fn each_ref(&self) -> Both<&T> {
        Both { v4: &self.v4, v6: &self.v6 }
    }

    /// Both values, IPv4 first.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        [&self.v4, &self.v6].into_iter()
    }

    /// Both values, to be changed, IPv4 first.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        [&mut self.v4, &mut self.v6].into_iter()
    }

    /// Both values with their families, IPv4 first.
    pub fn pairs(&self) -> impl Iterator<Item = (Family, &T)> {
        Family::BOTH.into_iter().zip(self.iter())
    }
}

impl<T> Index<Family> for Both<T> {
    type Output = T;

    fn index(&self, family: Family) -> &T {
        match family {
            Family::V4 => &self.v4,
            Family::V6 => &self.v6,
        }
    }
}

impl<T> IndexMut<Family> for Both<T> {
    fn index_mut(&mut self, family: Family) -> &mut T {
        match family {
            Family::V4 => &mut self.v4,
            Family::V6 => &mut self.v6,
        }
    }
}

impl<T> IntoIterator for Both<T> {
    type Item = T;
    type IntoIter = std::array::IntoIter<T, 2>;

    fn into_iter(self) -> Self::IntoIter {
        [self.v4, self.v6].into_iter()
    }
}
