//! Numbered pages of a timeline and of the lists beside it. A timeline only grows, so its pages can be numbered from
//! its end.

use crate::views::lists::{PAGE_ROWS, Part};

/// Which rows a page shows. A page number beyond the last page gives the last page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cut {
    pub page: u32,
    pub pages: u32,
    pub total: u64,
}

impl Cut {
    pub fn of(rows: usize, page: u32) -> Self {
        let size = PAGE_ROWS as usize;
        let pages = u32::try_from(rows.div_ceil(size)).unwrap_or(u32::MAX).max(1);
        Self {
            page: page.clamp(1, pages),
            pages,
            total: rows as u64,
        }
    }

    /// The index of the page's first row and the index after its last row, of `rows` rows.
    fn range(&self, rows: usize) -> (usize, usize) {
        let size = PAGE_ROWS as usize;
        let from = (self.page as usize - 1) * size;
        (from.min(rows), (from + size).min(rows))
    }

    /// The rows of the page, out of all rows in order.
    pub fn of_sorted<Row>(&self, rows: Vec<Row>) -> Vec<Row> {
        let (from, to) = self.range(rows.len());
        rows.into_iter().skip(from).take(to - from).collect()
    }

    /// The page with these rows, which are already cut to the page.
    pub fn part_of<Row>(&self, rows: Vec<Row>) -> Part<Row> {
        Part {
            rows,
            page: self.page,
            pages: self.pages,
            total: self.total,
        }
    }

    /// The indices of the page's rows among all rows, which are numbered from the oldest.
    pub fn places(&self, total: u64, oldest_first: bool) -> Vec<u64> {
        let (from, to) = self.range(usize::try_from(total).unwrap_or(usize::MAX));
        let place = |at: usize| if oldest_first { at as u64 } else { total - 1 - at as u64 };
        (from..to).map(place).collect()
    }
}
