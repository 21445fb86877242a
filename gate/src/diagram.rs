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
    /// The drawing. It grows until every line finds a way.
    pub(crate) fn svg(&self) -> String {
        let columns = place::columns(self);
        let mut gap = 8;
        loop {
            let areas = place::areas(self, &columns, gap);
            // So much room that a missing way can only be a mistake: then it is drawn without that line.
            if let Some(lines) = route::lines(self, &areas) {
                return svg::render(self, &areas, &lines);
            }
            gap *= 2;
            if gap > 1_000 {
                return svg::render(self, &areas, &[]);
            }
        }
    }
}
