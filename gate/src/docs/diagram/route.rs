//! Which way the lines take: along a grid, round the boxes, and never on top of a line to another box.

use super::{Area, Diagram, Key, Line, Point};
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};

const BEND: usize = 8;
const CROSSING: usize = 12;
/// For each unit right above or below a box.
const CLOSE: usize = 2;

const HORIZONTAL: usize = 0;
const VERTICAL: usize = 1;

/// The sheet in cells of one unit.
struct Grid {
    width: usize,
    height: usize,
    boxed: Vec<bool>,
    close: Vec<bool>,
    /// Left or right of a box, where every row's line has to get out: nothing runs up or down there.
    side: Vec<bool>,
    /// To which box the line leads that passes, by direction.
    taken: Vec<[Option<usize>; 2]>,
}

/// The ways of all keys, in their order; `None`: this one finds no way.
///
/// Lines to the same box join, so that one with many keys is reached by a tree of lines. The short ones choose first,
/// until one finds no way any more: then all begin again, and that one before all others.
pub(super) fn lines(diagram: &Diagram, areas: &[Area]) -> Vec<Option<Line>> {
    let mut order: Vec<usize> = (0..diagram.keys.len()).collect();
    let length = |key: &Key| {
        let (from, to) = (areas[key.from].sides(key.row), areas[key.to].sides(0));
        from.iter().flat_map(|a| to.iter().map(move |b| a.x.abs_diff(b.x) + a.y.abs_diff(b.y))).min()
    };
    order.sort_by_key(|&number| (diagram.keys[number].pale, length(&diagram.keys[number])));
    let mut lines = Vec::new();
    for _ in 0..10 {
        let mut grid = Grid::new(areas);
        lines = diagram.keys.iter().map(|_| None).collect();
        for &number in &order {
            let key = &diagram.keys[number];
            lines[number] = grid.draw(areas[key.from].sides(key.row), areas[key.to].sides(0), key.to);
        }
        let Some(lost) = order.iter().position(|&number| lines[number].is_none()) else { break };
        order[..=lost].rotate_right(1);
    }
    lines
}

impl Grid {
    fn new(areas: &[Area]) -> Self {
        // As far from the last box as the first one is from the corner.
        let margin = areas.iter().map(|area| area.x).min().unwrap_or(0);
        let width = areas.iter().map(|area| area.x + area.width).max().unwrap_or(0) + margin;
        let height = areas.iter().map(|area| area.y + area.height).max().unwrap_or(0) + margin;
        let mut grid = Self {
            width,
            height,
            boxed: vec![false; width * height],
            close: vec![false; width * height],
            side: vec![false; width * height],
            taken: vec![[None; 2]; width * height],
        };
        for area in areas {
            for y in area.y - 1..=area.y + area.height + 1 {
                for x in area.x - 1..=area.x + area.width + 1 {
                    let cell = grid.cell(Point { x, y });
                    let level = (area.y..=area.y + area.height).contains(&y);
                    let upright = (area.x..=area.x + area.width).contains(&x);
                    grid.boxed[cell] |= level && upright;
                    grid.side[cell] |= level && !upright;
                    grid.close[cell] = true;
                }
            }
        }
        grid
    }

    fn cell(&self, point: Point) -> usize {
        point.y * self.width + point.x
    }

    fn point(&self, cell: usize) -> Point {
        Point { x: cell % self.width, y: cell / self.width }
    }

    /// The cells beside one, each with the direction in which it is entered.
    fn beside(&self, cell: usize) -> impl Iterator<Item = (usize, usize)> + use<> {
        let Point { x, y } = self.point(cell);
        let (width, height) = (self.width, self.height);
        let steps = [
            (x > 0).then(|| (cell - 1, HORIZONTAL)),
            (x + 1 < width).then(|| (cell + 1, HORIZONTAL)),
            (y > 0).then(|| (cell - width, VERTICAL)),
            (y + 1 < height).then(|| (cell + width, VERTICAL)),
        ];
        steps.into_iter().flatten()
    }

    fn is_anothers(&self, cell: usize, direction: usize, net: usize) -> bool {
        self.taken[cell][direction].is_some_and(|other| other != net)
    }

    /// Whether a line may bend, begin or join in a cell.
    fn is_free(&self, cell: usize, net: usize) -> bool {
        !self.is_anothers(cell, HORIZONTAL, net) && !self.is_anothers(cell, VERTICAL, net)
    }

    /// The cheapest way from one of the starts to one of the ends or to a line that leads there (Dijkstra).
    fn draw(&mut self, starts: [Point; 2], ends: [Point; 2], net: usize) -> Option<Line> {
        let ends: BTreeSet<usize> = ends.iter().map(|end| self.cell(*end)).collect();
        // A state is a cell and the direction in which it was entered.
        let mut cost = vec![usize::MAX; 2 * self.boxed.len()];
        let mut came_from = vec![usize::MAX; cost.len()];
        let mut open = BinaryHeap::new();
        for start in starts.map(|start| self.cell(start)) {
            if !self.boxed[start] && !self.is_anothers(start, HORIZONTAL, net) {
                cost[2 * start + HORIZONTAL] = 0;
                open.push(Reverse((0, 2 * start + HORIZONTAL)));
            }
        }
        while let Some(Reverse((paid, state))) = open.pop() {
            let (cell, direction) = (state / 2, state % 2);
            if paid > cost[state] {
                continue;
            }
            let joins = self.taken[cell].contains(&Some(net));
            if (joins || ends.contains(&cell)) && self.is_free(cell, net) {
                let joins = joins && !ends.contains(&cell);
                return Some(Line { corners: self.occupy(state, &came_from, net), joins });
            }
            for (next, towards) in self.beside(cell) {
                let bends = towards != direction;
                if self.boxed[next]
                    || towards == VERTICAL && (self.side[cell] || self.side[next])
                    || self.is_anothers(next, towards, net)
                    || bends && !self.is_free(cell, net)
                {
                    continue;
                }
                let crosses = self.is_anothers(next, 1 - towards, net);
                let step = 1
                    + if bends { BEND } else { 0 }
                    + if crosses { CROSSING } else { 0 }
                    + if self.close[next] { CLOSE } else { 0 };
                let reached = 2 * next + towards;
                if paid + step < cost[reached] {
                    cost[reached] = paid + step;
                    came_from[reached] = state;
                    open.push(Reverse((paid + step, reached)));
                }
            }
        }
        None
    }

    /// Marks the way that ends in a state, and returns its corners from the start on.
    fn occupy(&mut self, end: usize, came_from: &[usize], net: usize) -> Vec<Point> {
        let mut states = vec![end];
        while let Some(&before) = states.last().and_then(|state| came_from.get(*state)) {
            if before == usize::MAX {
                break;
            }
            states.push(before);
        }
        states.reverse();
        let mut corners = Vec::new();
        for (place, state) in states.iter().enumerate() {
            let (cell, entered) = (state / 2, state % 2);
            self.taken[cell][entered] = Some(net);
            let left = states.get(place + 1).map(|next| next % 2);
            if let Some(left) = left {
                self.taken[cell][left] = Some(net);
            }
            if place == 0 || left != Some(entered) {
                corners.push(self.point(cell));
            }
        }
        corners
    }
}
