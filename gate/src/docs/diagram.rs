//! An entity-relationship diagram as SVG: boxes with a row for each column, and a line for each foreign key.
//!
//! Of our own, because no crate of a layout draws such a diagram: layout-rs and the ports of dagre know boxes but not
//! rows, and bend their lines through other boxes; a port of ELK, which could do it, is weeks old. The same schema
//! gives the same bytes on every machine, so nothing here asks a font or a random number.

mod place;
mod route;
mod svg;

/// Pixels of one unit. Positions and sizes are in units, of which lines keep one from each other.
const UNIT: usize = 10;
/// Units above the first row's middle.
const FIRST_ROW: usize = 4;
/// Units from one row's middle to the next.
const ROW: usize = 2;

/// What is to be drawn.
#[derive(Debug)]
pub(crate) struct Diagram {
    pub(crate) title: String,
    pub(crate) boxes: Vec<TableBox>,
    pub(crate) keys: Vec<Key>,
}

/// A table. Without rows it only stands for one that another diagram shows.
#[derive(Debug)]
pub(crate) struct TableBox {
    pub(crate) name: String,
    pub(crate) about: String,
    /// Which of the colours it has.
    pub(crate) colour: usize,
    pub(crate) rows: Vec<Row>,
}

/// A column.
#[derive(Debug)]
pub(crate) struct Row {
    /// `PK`, `FK`, `UK` or nothing.
    pub(crate) mark: &'static str,
    pub(crate) name: String,
    pub(crate) kind: String,
    pub(crate) about: String,
}

/// A foreign key, from a row to another box.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) from: usize,
    pub(crate) row: usize,
    pub(crate) to: usize,
    /// Whether at most one row refers to each.
    pub(crate) unique: bool,
    /// Whether it only says whose row it is; such a line is pale.
    pub(crate) pale: bool,
}

/// A box on the sheet: its left upper corner and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Area {
    x: usize,
    y: usize,
    width: usize,
    height: usize,
}

impl Area {
    /// The places left and right of the box at the height of a row.
    fn sides(&self, row: usize) -> [Point; 2] {
        let y = self.y + (FIRST_ROW + ROW * row).min(self.height / 2 * 2 - 2);
        [Point { x: self.x - 1, y }, Point { x: self.x + self.width + 1, y }]
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Point {
    x: usize,
    y: usize,
}

/// The corners of a line from a row, to a box or to a line that leads to the same box.
#[derive(Debug)]
struct Line {
    corners: Vec<Point>,
    /// Whether it ends in another line.
    joins: bool,
}

impl Diagram {
    /// The drawing.
    pub(crate) fn svg(&self) -> String {
        let (areas, lines) = self.layout();
        svg::render(self, &areas, &lines)
    }

    /// It grows until every line finds a way.
    fn layout(&self) -> (Vec<Area>, Vec<Line>) {
        let (sizes, columns) = (place::sizes(self), place::columns(self));
        let tries = [8, 12, 18].map(|gap| place::areas(&sizes, &columns, gap));
        for areas in &tries {
            if let Some(lines) = route::lines(self, areas).into_iter().collect() {
                return (areas.clone(), lines);
            }
        }
        // A third key of one row finds none however large the sheet is; such a line goes straight.
        let [areas, ..] = tries;
        let lines = route::lines(self, &areas).into_iter().zip(&self.keys);
        let straight = |key: &Key| {
            let (from, to) = (areas[key.from].sides(key.row), areas[key.to].sides(0));
            Line { corners: vec![from[1], to[0]], joins: false }
        };
        let lines = lines.map(|(line, key)| line.unwrap_or_else(|| straight(key))).collect();
        (areas, lines)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    /// Tables of which each refers to a few that come before it, and the first to itself.
    fn diagram(count: usize) -> Diagram {
        let row = |number| Row {
            mark: "",
            name: format!("column_{number}"),
            kind: "uuid".to_owned(),
            about: String::new(),
        };
        let boxes = (0..count).map(|number| TableBox {
            name: format!("table_{number}"),
            about: String::new(),
            colour: number,
            rows: (0..4 + number * 7 % 19).map(row).collect(),
        });
        let keys = (0..count).flat_map(|from| {
            let others = [(1, from / 2), (2, from / 3), (3, 0)].into_iter();
            others.map(move |(row, to)| Key { from, row, to, unique: to % 3 == 1, pale: to == 0 })
        });
        Diagram { title: "Tables".to_owned(), boxes: boxes.collect(), keys: keys.collect() }
    }

    /// The cells of a line, with the direction in which it passes.
    fn passed(line: &Line) -> Vec<(Point, bool)> {
        let between = |a: usize, b: usize| a.min(b)..=a.max(b);
        let pieces = line.corners.windows(2).flat_map(|ends| {
            let (a, b) = (ends[0], ends[1]);
            assert!(a.x == b.x || a.y == b.y, "a line is upright or level: {line:?}");
            let cells = between(a.x, b.x).flat_map(move |x| between(a.y, b.y).map(move |y| Point { x, y }));
            cells.map(move |point| (point, a.y == b.y)).collect::<Vec<_>>()
        });
        pieces.collect()
    }

    #[test]
    fn boxes_do_not_overlap_and_lines_pass_neither_boxes_nor_along_each_other() {
        for count in [1, 2, 5, 13, 20] {
            let diagram = diagram(count);
            let (areas, lines) = diagram.layout();
            let inside = |area: &Area, point: Point| {
                (area.x..=area.x + area.width).contains(&point.x)
                    && (area.y..=area.y + area.height).contains(&point.y)
            };
            for (number, one) in areas.iter().enumerate() {
                for other in &areas[number + 1..] {
                    let apart = one.x + one.width < other.x
                        || other.x + other.width < one.x
                        || one.y + one.height < other.y
                        || other.y + other.height < one.y;
                    assert!(apart, "{count}: {one:?} and {other:?}");
                }
            }
            assert_eq!(lines.len(), diagram.keys.len());
            let mut taken: BTreeMap<(Point, bool), usize> = BTreeMap::new();
            for (key, line) in diagram.keys.iter().zip(&lines) {
                let (first, last) = (line.corners[0], line.corners[line.corners.len() - 1]);
                assert!(areas[key.from].sides(key.row).contains(&first), "{count}: it begins at its row");
                assert!(
                    line.joins || areas[key.to].sides(0).contains(&last),
                    "{count}: it ends at its table"
                );
                for (point, level) in passed(line) {
                    assert!(!areas.iter().any(|area| inside(area, point)), "{count}: {line:?} in a box");
                    let owner = *taken.entry((point, level)).or_insert(key.to);
                    assert_eq!(owner, key.to, "{count}: two lines on top of each other at {point:?}");
                }
            }
        }
    }

    #[test]
    fn a_line_that_joins_ends_on_a_line_to_the_same_table() {
        let diagram = diagram(13);
        let (_, lines) = diagram.layout();
        assert!(lines.iter().any(|line| line.joins));
        for (number, (key, line)) in
            diagram.keys.iter().zip(&lines).enumerate().filter(|(_, (_, line))| line.joins)
        {
            let end = line.corners[line.corners.len() - 1];
            let others = diagram.keys.iter().zip(&lines).enumerate();
            let mut others = others.filter(|(other, (of, _))| *other != number && of.to == key.to);
            assert!(
                others.any(|(_, (_, line))| line.corners.contains(&end)
                    || passed(line).iter().any(|(at, _)| *at == end)),
                "{line:?}"
            );
        }
    }

    #[test]
    fn a_line_that_finds_no_way_goes_straight() {
        let mut diagram = diagram(8);
        let key = |to| Key { from: 7, row: 1, to, unique: false, pale: false };
        diagram.keys = (1..5).map(key).collect();
        let (areas, lines) = diagram.layout();
        assert_eq!(lines.len(), 4);
        let straight = [areas[7].sides(1)[1], areas[4].sides(0)[0]];
        assert!(lines.iter().any(|line| line.corners == straight), "{lines:?}");
    }

    #[test]
    fn the_sheet_is_about_as_wide_as_a_screen() {
        let diagram = diagram(13);
        let (areas, _) = diagram.layout();
        let width = areas.iter().map(|area| area.x + area.width).max().unwrap();
        let height = areas.iter().map(|area| area.y + area.height).max().unwrap();
        assert!(width * 10 / height >= 8 && width * 10 / height <= 25, "{width} by {height}");
    }

    #[test]
    fn what_xml_reserves_is_escaped() {
        let mut diagram = diagram(1);
        diagram.boxes[0].about = "a < b & \"c\"".to_owned();
        assert!(diagram.svg().contains("<title>a &lt; b &amp; &quot;c&quot;</title>"));
    }
}
