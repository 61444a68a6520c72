//! Items over the fields that they ask for, each compressed to where something begins or ends.
//! Input: lists, and the packets that are looked at. Output: entries whose conditions are classes of parts of columns.

use std::borrow::Cow;
use std::collections::HashMap;

use super::cubes::Cube;
use super::items::{Act, ItemList};
use super::ranges::Ranges;
use super::store::Terms;
use super::variables::Variable;
use super::witness::usual;

/// An item with what is left to ask, for packets that are looked at.
pub struct Entry {
    /// Its place in its list.
    pub place: u32,
    /// What becomes of packets that meet it.
    pub act: Act,
    /// For each column the class, or none.
    pub asks: Vec<(u16, u32)>,
}

/// A variable over the values that are looked at, in parts that are the same for every item.
pub struct Column {
    /// The variable.
    pub variable: Variable,
    /// Its values.
    pub all: Ranges,
    /// The first value of each part.
    pub starts: Vec<u128>,
    /// The part of the most ordinary value.
    pub usual: Option<u32>,
}

impl Column {
    /// The part of a value.
    pub fn part(&self, value: u128) -> u32 {
        self.starts.partition_point(|start| *start <= value) as u32 - 1
    }

    /// The first and the last value of a part.
    pub fn values(&self, part: u32) -> (u128, u128) {
        let first = self.starts[part as usize];
        let next = self.starts.get(part as usize + 1).map_or(u128::MAX, |next| next - 1);
        let all = self.all.list().iter().find(|(_, end)| first <= *end);
        (first, all.map_or(next, |(_, end)| next.min(*end)))
    }
}

/// What an item asks for, by column.
type Asks<'a> = Vec<(u16, Cow<'a, Ranges>)>;

/// Lists over common columns.
pub struct Space {
    /// The entries of each list, in order.
    pub lists: Vec<Vec<Entry>>,
    /// The columns.
    pub columns: Vec<Column>,
    /// The ranges of parts of each class, by column.
    pub classes: Vec<Vec<Vec<(u32, u32)>>>,
}

impl Space {
    /// Makes lists ready for the packets of a cube.
    pub fn new(lists: &[&ItemList], clip: &Cube, terms: &Terms) -> Space {
        let variables = &terms.variables;
        let mut said: Vec<Option<&Ranges>> = vec![None; variables.count()];
        clip.0.iter().for_each(|(variable, values)| said[variable.0 as usize] = Some(values));
        let mut numbers: Vec<Option<u16>> = vec![None; variables.count()];
        let mut columns: Vec<(Variable, Ranges)> = Vec::new();
        let meets =
            |(variable, values): &(Variable, Ranges)| said[variable.0 as usize].is_none_or(|all| values.meets(all));
        let mut clipped: Vec<Vec<(u32, Act, Asks)>> = Vec::with_capacity(lists.len());
        for list in lists {
            let mut own = Vec::new();
            for (item, place) in list.items.iter().zip(0..).filter(|(item, _)| item.cube.0.iter().all(meets)) {
                let mut asks: Vec<(Variable, Cow<Ranges>)> = Vec::with_capacity(item.cube.0.len());
                for (variable, values) in &item.cube.0 {
                    match said[variable.0 as usize] {
                        None => asks.push((*variable, Cow::Borrowed(values))),
                        Some(all) => match values.and(all) {
                            values if values == *all => {}
                            values => asks.push((*variable, Cow::Owned(values))),
                        },
                    }
                }
                let asks = asks.into_iter().map(|(variable, values)| {
                    let column = *numbers[variable.0 as usize].get_or_insert_with(|| {
                        let all = said[variable.0 as usize].unwrap_or_else(|| variables.domain(variable));
                        columns.push((variable, all.clone()));
                        columns.len() as u16 - 1
                    });
                    (column, values)
                });
                own.push((place, item.act, asks.collect()));
            }
            clipped.push(own);
        }
        // Where something begins: what is between is the same for every item.
        let mut columns: Vec<Column> = columns
            .into_iter()
            .map(|(variable, all)| {
                let starts = all.list().iter().map(|(first, _)| *first).collect();
                Column { variable, all, starts, usual: None }
            })
            .collect();
        for (column, values) in clipped.iter().flatten().flat_map(|(.., asks)| asks) {
            let Column { all, starts, .. } = &mut columns[usize::from(*column)];
            for (first, end) in values.list() {
                starts.push(*first);
                starts.extend(end.checked_add(1).filter(|next| all.contains(*next)));
            }
        }
        for column in &mut columns {
            column.starts.sort_unstable();
            column.starts.dedup();
            let usual = usual(variables.subject(column.variable), terms.family);
            let usual = usual.into_iter().find(|value| column.all.contains(*value));
            column.usual = usual.map(|value| column.part(value));
        }
        let mut classes: Vec<Vec<Vec<(u32, u32)>>> = vec![Vec::new(); columns.len()];
        let mut known: Vec<HashMap<Cow<Ranges>, u32>> = vec![HashMap::new(); columns.len()];
        let mut compressed = Vec::with_capacity(clipped.len());
        for own in clipped {
            let mut entries = Vec::with_capacity(own.len());
            for (place, act, asks) in own {
                let asks = asks.into_iter().map(|(column, values)| {
                    let at = usize::from(column);
                    let class = *known[at].entry(values).or_insert_with_key(|values| {
                        let column = &columns[at];
                        let parts = values.list().iter().map(|(first, end)| (column.part(*first), column.part(*end)));
                        classes[at].push(parts.collect());
                        classes[at].len() as u32 - 1
                    });
                    (column, class)
                });
                entries.push(Entry { place, act, asks: asks.collect() });
            }
            compressed.push(entries);
        }
        Space { lists: compressed, columns, classes }
    }
}
