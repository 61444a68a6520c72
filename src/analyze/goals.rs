//! The search for a packet that meets a goal: field by field, and only where a goal may still be met.
//! Input: items, and the packets that are looked at. Output: packets that meet goals, until somebody has enough.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

use super::cubes::{Cube, Point};
use super::program::{Act, Item};
use super::ranges::Ranges;
use super::store::Terms;
use super::variables::Variable;
use super::witness::usual;
use crate::simulate::Verdict;

/// The most work of a search, in items that are looked at.
const MAX_WORK: usize = 50_000_000;

/// How a search ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// Every goal that can be met was.
    Complete,
    /// Somebody had enough.
    Enough,
    /// It would cost too much.
    TooMuch,
}

/// What an item is to a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A fate that is looked for.
    Goal,
    /// Another.
    Stop,
    /// A way to a later item.
    Skip(u32),
}

/// An item with what is left to ask, for packets that are looked at.
struct Entry {
    /// Its place in the list.
    place: u32,
    act: Role,
    /// For each column the class, or none.
    asks: Vec<(u16, u32)>,
}

/// A variable over the values that are looked at, in parts that are the same for every item.
struct Column {
    variable: Variable,
    /// Its values.
    all: Ranges,
    /// The first value of each part.
    starts: Vec<u128>,
    /// The part of the most ordinary value.
    usual: Option<u32>,
}

impl Column {
    /// The part of a value.
    fn part(&self, value: u128) -> u32 {
        self.starts.partition_point(|start| *start <= value) as u32 - 1
    }

    /// The first and the last value of a part.
    fn values(&self, part: u32) -> (u128, u128) {
        let first = self.starts[part as usize];
        let next = self.starts.get(part as usize + 1).map_or(u128::MAX, |next| next - 1);
        let all = self.all.list().iter().find(|(_, end)| first <= *end);
        (first, all.map_or(next, |(_, end)| next.min(*end)))
    }
}

/// What an item asks for, by column.
type Asks<'a> = Vec<(u16, Cow<'a, Ranges>)>;

/// Items over the fields that they ask for, each compressed to where something begins or ends.
pub struct Search {
    entries: Vec<Entry>,
    columns: Vec<Column>,
    /// The ranges of parts of each class, by column.
    classes: Vec<Vec<Vec<(u32, u32)>>>,
    seen: HashSet<(Vec<u32>, u64)>,
    work: usize,
}

impl Search {
    /// Makes items ready for the packets of a cube, and for the fates that are looked for.
    pub fn new(items: &[Item], clip: &Cube, terms: &Terms, is_goal: &dyn Fn(Verdict) -> bool) -> Search {
        let variables = &terms.variables;
        let mut said: Vec<Option<&Ranges>> = vec![None; variables.count()];
        clip.0.iter().for_each(|(variable, values)| said[variable.0 as usize] = Some(values));
        let mut numbers: Vec<Option<u16>> = vec![None; variables.count()];
        let mut columns: Vec<(Variable, Ranges)> = Vec::new();
        let mut clipped: Vec<(u32, Role, Asks)> = Vec::new();
        let meets =
            |(variable, values): &(Variable, Ranges)| said[variable.0 as usize].is_none_or(|all| values.meets(all));
        for (item, place) in items.iter().zip(0..).filter(|(item, _)| item.cube.0.iter().all(meets)) {
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
            let role = match item.act {
                Act::End(verdict) if is_goal(verdict) => Role::Goal,
                Act::End(_) | Act::Discard => Role::Stop,
                Act::Skip(to) => Role::Skip(to),
            };
            clipped.push((place, role, asks.collect()));
        }
        // Where something begins: what is between is the same for every item.
        let mut columns: Vec<Column> = columns
            .into_iter()
            .map(|(variable, all)| {
                let starts = all.list().iter().map(|(first, _)| *first).collect();
                Column { variable, all, starts, usual: None }
            })
            .collect();
        for (column, values) in clipped.iter().flat_map(|(.., asks)| asks) {
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
        let mut entries = Vec::with_capacity(clipped.len());
        for (place, act, asks) in clipped {
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
        Search { entries, columns, classes, seen: HashSet::new(), work: 0 }
    }

    /// Looks for goals until `found` has enough.
    pub fn run(&mut self, found: &mut dyn FnMut(&Point) -> bool) -> End {
        let all: Vec<u32> = (0..self.entries.len() as u32).collect();
        if self.columns.len() > 64 {
            return End::TooMuch;
        }
        let list = self.trimmed(all.into_iter(), 0);
        let mut point = Point::new();
        self.node(list, 0, &mut point, found)
    }

    fn is_free(&self, entry: u32, done: u64) -> bool {
        self.entries[entry as usize].asks.iter().all(|(column, _)| done >> column & 1 != 0)
    }

    /// The items that may be met: what always decides hides those after it, up to where a pending skip may lead.
    fn trimmed(&mut self, items: impl Iterator<Item = u32>, done: u64) -> Vec<u32> {
        let mut list: Vec<u32> = Vec::new();
        // Where the skips before may lead, the nearest first.
        let mut targets: Vec<u32> = Vec::new();
        let mut hidden_to = 0;
        let mut last_goal = 0;
        for item in items {
            self.work += 1;
            let Entry { place, act, .. } = self.entries[item as usize];
            if place < hidden_to {
                continue;
            }
            targets.retain(|target| *target > place);
            let free = self.is_free(item, done);
            list.push(item);
            match act {
                Role::Goal => last_goal = list.len(),
                Role::Skip(target) => targets.push(target),
                Role::Stop => {}
            }
            if free {
                // What comes next is met by those alone that were sent there.
                hidden_to = targets.iter().copied().min().unwrap_or(u32::MAX);
                if hidden_to == u32::MAX {
                    break;
                }
            }
        }
        list.truncate(last_goal);
        list
    }

    fn node(&mut self, mut list: Vec<u32>, done: u64, point: &mut Point, found: &mut dyn FnMut(&Point) -> bool) -> End {
        loop {
            let Some(first) = list.first().copied() else { return End::Complete };
            if self.work > MAX_WORK {
                return End::TooMuch;
            }
            if !self.is_free(first, done) {
                break;
            }
            match self.entries[first as usize].act {
                Role::Goal => return if found(point) { End::Enough } else { End::Complete },
                Role::Stop => return End::Complete,
                Role::Skip(target) => {
                    let rest: Vec<u32> =
                        list.into_iter().filter(|item| self.entries[*item as usize].place >= target).collect();
                    list = self.trimmed(rest.into_iter(), done);
                }
            }
        }
        if !self.seen.insert((list.clone(), done)) {
            return End::Complete;
        }
        let column = self.choose(&list, done);
        self.split(list, column, done, point, found)
    }

    /// The field that makes the fewest and smallest parts.
    fn choose(&mut self, list: &[u32], done: u64) -> usize {
        let count = self.columns.len();
        let (mut asked, mut kinds) = (vec![0_usize; count], vec![HashSet::new(); count]);
        for item in list {
            self.work += 1;
            for (column, class) in &self.entries[*item as usize].asks {
                if done >> column & 1 == 0 {
                    asked[usize::from(*column)] += 1;
                    kinds[usize::from(*column)].insert(*class);
                }
            }
        }
        let cost = |column: usize| {
            let parts = (2 * kinds[column].len() + 1) as f64;
            let size = (list.len() - asked[column]) as f64 + 2.0 * asked[column] as f64 / parts;
            parts * size * size * size
        };
        let open = (0..count).filter(|column| asked[*column] > 0);
        open.min_by(|one, other| cost(*one).total_cmp(&cost(*other))).unwrap_or(0)
    }

    /// The items that are met in one part of a column.
    fn child(
        &mut self,
        items: Vec<u32>,
        (column, part): (usize, u32),
        done: u64,
        point: &mut Point,
        found: &mut dyn FnMut(&Point) -> bool,
    ) -> End {
        let list = self.trimmed(items.into_iter(), done);
        let Column { variable, .. } = self.columns[column];
        point.insert(variable, self.columns[column].values(part));
        let end = self.node(list, done, point, found);
        point.remove(&variable);
        end
    }

    fn split(
        &mut self,
        list: Vec<u32>,
        column: usize,
        done: u64,
        point: &mut Point,
        found: &mut dyn FnMut(&Point) -> bool,
    ) -> End {
        // Where items begin and end; between these all parts are alike.
        let mut events: Vec<(u32, bool, usize)> = Vec::new();
        let mut active = vec![false; list.len()];
        for (index, item) in list.iter().enumerate() {
            match self.entries[*item as usize].asks.iter().find(|(known, _)| usize::from(*known) == column) {
                None => active[index] = true,
                Some((_, class)) => {
                    for (first, last) in &self.classes[column][*class as usize] {
                        events.push((*first, true, index));
                        events.push((last + 1, false, index));
                    }
                }
            }
        }
        events.sort_unstable();
        let goal = |search: &Search, item: u32| search.entries[item as usize].act == Role::Goal;
        let mut goals = list.iter().enumerate().filter(|(index, item)| active[*index] && goal(self, **item)).count();
        let done = done | 1 << column;
        // The ordinary part first: what is found there is what people expect.
        if let Some(part) = self.columns[column].usual {
            let holds = |search: &Search, item: u32| {
                let entry = &search.entries[item as usize];
                let class = entry.asks.iter().find(|(known, _)| usize::from(*known) == column).map(|(_, class)| *class);
                class.is_none_or(|class| {
                    search.classes[column][class as usize].iter().any(|(first, last)| (*first..=*last).contains(&part))
                })
            };
            let items: Vec<u32> = list.iter().copied().filter(|item| holds(self, *item)).collect();
            if items.iter().any(|item| goal(self, *item)) {
                let end = self.child(items, (column, part), done, point, found);
                if end != End::Complete {
                    return end;
                }
            }
        }
        let all = self.columns[column].starts.len() as u32;
        let (mut at, mut from) = (0, 0);
        while from < all {
            while let Some((_, begins, index)) = events.get(at).filter(|(part, ..)| *part == from).copied() {
                if goal(self, list[index]) {
                    goals = if begins { goals + 1 } else { goals - 1 };
                }
                active[index] = begins;
                at += 1;
            }
            let to = events.get(at).map_or(all, |(part, ..)| *part);
            self.work += 1;
            if goals > 0 {
                let items =
                    list.iter().enumerate().filter(|(index, _)| active[*index]).map(|(_, item)| *item).collect();
                let end = self.child(items, (column, from), done, point, found);
                if end != End::Complete {
                    return end;
                }
            }
            from = to;
        }
        End::Complete
    }
}
