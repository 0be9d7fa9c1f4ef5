//! What one sample looks like.

use serde::{Deserialize, Serialize};

/// The shape of every sample of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub enum Shape {
    /// Planes in the order channel, row, column; values 0 to 1.
    Image {
        /// 1 for grey, 3 for red, green, blue.
        channels: usize,
        /// Rows of pixels.
        height: usize,
        /// Pixels in a row.
        width: usize,
    },
    /// One row of a table; values as the file has them.
    Row {
        /// Numeric columns.
        columns: usize,
    },
}

impl Shape {
    /// Number of values in a sample.
    pub fn len(&self) -> usize {
        match *self {
            Self::Image { channels, height, width } => channels * height * width,
            Self::Row { columns } => columns,
        }
    }

    /// Whether a sample holds nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Number of groups that share a mean and a standard deviation: channels of an image, columns of a row.
    pub fn groups(&self) -> usize {
        match *self {
            Self::Image { channels, .. } => channels,
            Self::Row { columns } => columns,
        }
    }

    /// Values in one group: pixels of a plane, or 1.
    pub fn group_len(&self) -> usize {
        match *self {
            Self::Image { height, width, .. } => height * width,
            Self::Row { .. } => 1,
        }
    }
}

impl std::fmt::Display for Shape {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Image { channels, height, width } => write!(f, "{channels}×{height}×{width} image"),
            Self::Row { columns } => write!(f, "row of {columns} columns"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn length_is_groups_times_group_length() {
        for shape in [Shape::Image { channels: 3, height: 4, width: 5 }, Shape::Row { columns: 7 }] {
            assert_eq!(shape.len(), shape.groups() * shape.group_len());
            assert!(!shape.is_empty());
        }
    }
}
