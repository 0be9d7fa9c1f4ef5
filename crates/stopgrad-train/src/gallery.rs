//! Samples of a run to be looked at: `gallery.npz`, written at the end (docs/formats.md).
//!
//! Numbers and pictures of up to some hundred validation samples: their representations, a plane through those, who is
//! nearest to whom, and pairs of views. The plane is that of principal components and no neighbor embedding: it has no
//! knobs, and distances in it mean something. The run writes the file ([`mod@crate::run`]); the report draws it.

use std::collections::BTreeMap;
use std::path::Path;

use faer::MatRef;
use stopgrad_data::{NpyArray, NpyData, NpzError, npz};
use stopgrad_dynamics::features::{Components, principal_components};
use stopgrad_dynamics::linalg::row_products;
use stopgrad_dynamics::statistics::inner_product;

use crate::folder::{RecordError, damaged};
use stopgrad_dynamics::probe::knn::{Neighbor, directions};

/// Validation samples of a run, as its encoder sees them at the end.
#[derive(Debug, Clone, PartialEq)]
pub struct Gallery {
    /// Positions in the source, ascending.
    pub samples: Vec<usize>,
    /// Their classes, where they have one.
    pub labels: Vec<Option<u32>>,
    /// Names of the classes of the source.
    pub classes: Vec<String>,
    /// Numbers in one representation.
    pub width: usize,
    /// Representations, n × width, row-major; not finite where the run diverged.
    pub representations: Vec<f32>,
    /// Their principal plane; none where a representation is not finite.
    pub plane: Option<Plane>,
    /// Which of the samples were asked for their neighbors: places in `samples`.
    pub queries: Vec<usize>,
    /// Of each query the nearest other samples of the gallery, by place in `samples`; empty without a plane.
    pub neighbors: Vec<Vec<Neighbor>>,
    /// What the samples look like; none for rows of numbers.
    pub pictures: Option<Pictures>,
}

/// Points in the plane of the two leading principal components.
#[derive(Debug, Clone, PartialEq)]
pub struct Plane {
    /// A point a sample.
    pub points: Vec<[f64; 2]>,
    /// Shares of the variance, of all that there is.
    pub shares: [f64; 2],
}

/// Pictures of some samples of a gallery, each height × width × channels bytes.
#[derive(Debug, Clone, PartialEq)]
pub struct Pictures {
    /// 1 or 3.
    pub channels: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Pixels in a row.
    pub width: usize,
    /// Of which samples: places in `samples`, ascending.
    pub of: Vec<usize>,
    /// One after another.
    pub bytes: Vec<u8>,
    /// Of each query three, one after another: the sample, its view x, its view y.
    pub pairs: Vec<u8>,
}

/// Every array that the file can have. Another name is damage: the one that it was would be missed by nobody.
const ARRAYS: [&str; 12] = [
    "samples",
    "labels",
    "classes",
    "representations",
    "queries",
    "plane",
    "plane_shares",
    "neighbors",
    "cosines",
    "pictured",
    "pictures",
    "pairs",
];

/// Below this share of the length of a direction, squared, a spread is rounding: directions are stored in f32.
const ROUNDING: f64 = 1e-12;

impl Plane {
    /// The principal plane of representations, or none where one is not finite.
    ///
    /// Of the directions z/|z|, which are what nearness is about, less their mean: coordinates along the two leading
    /// eigenvectors of the covariance, and the shares of those in the variance. Zero stays zero; where all directions
    /// are one, so do the points.
    ///
    /// # Shapes      representations: n × width
    /// # Convention  the point with the largest coordinate, in size, has a positive one
    /// # Cost        n² · width for the products of n samples, and about 9 n³ multiply-adds
    pub fn of(representations: &[f32], width: usize) -> Option<Self> {
        if representations.is_empty() || representations.iter().any(|value| !value.is_finite()) {
            return None;
        }
        let mut rows: Vec<f64> = directions(representations, width).into_iter().map(f64::from).collect();
        let n = rows.len() / width;
        let mut mean = vec![0.0; width];
        for row in rows.chunks_exact(width) {
            mean.iter_mut().zip(row).for_each(|(sum, value)| *sum += value / n as f64);
        }
        for row in rows.chunks_exact_mut(width) {
            row.iter_mut().zip(&mean).for_each(|(value, mean)| *value -= mean);
        }
        // The eigenvectors of the n × n products are the coordinates, up to their lengths, whatever the width is.
        let products = row_products(&rows, n, width);
        let total: f64 = (0..n).map(|i| products[i * n + i]).sum();
        let mut plane = Self { points: vec![[0.0; 2]; n], shares: [0.0; 2] };
        if total <= ROUNDING * n as f64 {
            return Some(plane);
        }
        let matrix = MatRef::from_row_major_slice(&products, n, n);
        let leading = |count| principal_components(matrix, Components::Count(count));
        let Ok(components) = leading(2).or_else(|_| leading(1)) else { return Some(plane) };
        for k in 0..components.nrows() {
            let unit: Vec<f64> = (0..n).map(|i| components[(k, i)]).collect();
            let image: Vec<f64> = products.chunks_exact(n).map(|row| inner_product(row, &unit)).collect();
            let variance = inner_product(&unit, &image).max(0.0);
            plane.shares[k] = variance / total;
            plane.points.iter_mut().zip(&unit).for_each(|(point, along)| point[k] = along * variance.sqrt());
        }
        Some(plane)
    }
}

impl Pictures {
    /// The picture of a sample, by its place in `samples`.
    pub fn find(&self, place: usize) -> Option<&[u8]> {
        let at = self.of.binary_search(&place).ok()? * self.size();
        self.bytes.get(at..at + self.size())
    }

    /// Sample, view x and view y of a query.
    pub fn pair(&self, query: usize) -> Option<[&[u8]; 3]> {
        let at = |which: usize| (3 * query + which) * self.size();
        let picture = |which: usize| self.pairs.get(at(which)..at(which + 1));
        Some([picture(0)?, picture(1)?, picture(2)?])
    }

    /// Bytes in one.
    fn size(&self) -> usize {
        self.height * self.width * self.channels
    }
}

impl Gallery {
    /// The class of a sample by its place; none where it has no label.
    pub fn class(&self, place: usize) -> Option<&str> {
        self.labels[place].map(|label| self.classes[label as usize].as_str())
    }

    /// Writes the file, beside its place and then renamed. The same gallery gives the same bytes.
    ///
    /// # Errors
    /// [`NpzError`] when the system refuses.
    pub fn write(&self, path: &Path) -> Result<(), NpzError> {
        let n = self.samples.len();
        let whole = |values: &[usize]| NpyData::I64(values.iter().map(|&value| value as i64).collect());
        let labels = self.labels.iter().map(|label| label.map_or(-1, i64::from)).collect();
        let classes = serde_json::to_vec(&self.classes).expect("text has a JSON form");
        let mut arrays = vec![
            ("samples", NpyArray::new(&[n], whole(&self.samples))),
            ("labels", NpyArray::new(&[n], NpyData::I64(labels))),
            ("classes", NpyArray::new(&[classes.len()], NpyData::U8(classes))),
            ("representations", NpyArray::new(&[n, self.width], NpyData::F32(self.representations.clone()))),
            ("queries", NpyArray::new(&[self.queries.len()], whole(&self.queries))),
        ];
        if let Some(plane) = &self.plane {
            let points = plane.points.iter().flatten().copied().collect();
            arrays.push(("plane", NpyArray::new(&[n, 2], NpyData::F64(points))));
            arrays.push(("plane_shares", NpyArray::new(&[2], NpyData::F64(plane.shares.to_vec()))));
            let shape = [self.neighbors.len(), self.neighbors.first().map_or(0, Vec::len)];
            let all = || self.neighbors.iter().flatten();
            let places: Vec<usize> = all().map(|neighbor| neighbor.sample).collect();
            arrays.push(("neighbors", NpyArray::new(&shape, whole(&places))));
            arrays.push(("cosines", NpyArray::new(&shape, NpyData::F32(all().map(|near| near.cosine).collect()))));
        }
        if let Some(pictures) = &self.pictures {
            let (h, w, c) = (pictures.height, pictures.width, pictures.channels);
            arrays.push(("pictured", NpyArray::new(&[pictures.of.len()], whole(&pictures.of))));
            let bytes = NpyData::U8(pictures.bytes.clone());
            arrays.push(("pictures", NpyArray::new(&[pictures.of.len(), h, w, c], bytes)));
            let pairs = NpyData::U8(pictures.pairs.clone());
            arrays.push(("pairs", NpyArray::new(&[self.queries.len(), 3, h, w, c], pairs)));
        }
        let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(name, array)| (*name, array)).collect();
        npz::write(path, &named)
    }

    /// Reads a file that [`Gallery::write`] wrote.
    ///
    /// # Errors
    /// [`RecordError::Damaged`] when its arrays do not fit together, with the array; [`RecordError::Spectra`] when it is no
    /// readable archive.
    pub fn read(path: &Path) -> Result<Self, RecordError> {
        Arrays { found: npz::read(path)?, path }.gallery()
    }
}

/// The arrays of a file, asked for one by one.
struct Arrays<'a> {
    found: BTreeMap<String, NpyArray>,
    path: &'a Path,
}

impl Arrays<'_> {
    fn gallery(&self) -> Result<Gallery, RecordError> {
        if let Some(name) = self.found.keys().find(|name| !ARRAYS.contains(&name.as_str())) {
            return Err(damaged(self.path, format!("array `{name}`"), "there is none of this name"));
        }
        let samples = self.places("samples", usize::MAX)?;
        let n = samples.len();
        let classes: Vec<String> = serde_json::from_slice(&self.bytes("classes", &[None])?.data)
            .map_err(|error| self.damaged("classes", error.to_string()))?;
        let label = |label: i64| match u32::try_from(label) {
            Ok(label) if (label as usize) < classes.len() => Ok(Some(label)),
            Err(_) if label == -1 => Ok(None),
            _ => Err(self.damaged("labels", format!("there is no class {label}"))),
        };
        let labels = self.whole("labels", &[Some(n)])?.data.into_iter().map(label).collect::<Result<_, _>>()?;
        let representations = self.single("representations", &[Some(n), None])?;
        let queries = self.places("queries", n)?;
        let any = |names: &[&str]| names.iter().any(|name| self.found.contains_key(*name));
        let (plane, neighbors) = if any(&["plane", "plane_shares", "neighbors", "cosines"]) {
            (Some(self.plane(n)?), self.neighbors(n, queries.len())?)
        } else {
            (None, Vec::new())
        };
        let pictures =
            if any(&["pictured", "pictures", "pairs"]) { Some(self.pictures(n, queries.len())?) } else { None };
        let width = representations.shape[1];
        let representations = representations.data;
        Ok(Gallery { samples, labels, classes, width, representations, plane, queries, neighbors, pictures })
    }

    fn plane(&self, n: usize) -> Result<Plane, RecordError> {
        let points = self.double("plane", &[Some(n), Some(2)])?.data;
        let shares = self.double("plane_shares", &[Some(2)])?.data;
        Ok(Plane {
            points: points.chunks_exact(2).map(|point| [point[0], point[1]]).collect(),
            shares: [shares[0], shares[1]],
        })
    }

    fn neighbors(&self, n: usize, queries: usize) -> Result<Vec<Vec<Neighbor>>, RecordError> {
        let places = self.whole("neighbors", &[Some(queries), None])?;
        let k = places.shape[1];
        let cosines = self.single("cosines", &[Some(queries), Some(k)])?.data;
        let place = |&place: &i64| usize::try_from(place).ok().filter(|&place| place < n);
        let known: Option<Vec<usize>> = places.data.iter().map(place).collect();
        let known = known.ok_or_else(|| self.damaged("neighbors", format!("one is none of {n} samples")))?;
        let all: Vec<Neighbor> =
            known.into_iter().zip(cosines).map(|(sample, cosine)| Neighbor { cosine, sample }).collect();
        Ok((0..queries).map(|query| all[query * k..(query + 1) * k].to_vec()).collect())
    }

    fn pictures(&self, n: usize, queries: usize) -> Result<Pictures, RecordError> {
        let of = self.places("pictured", n)?;
        let pictures = self.bytes("pictures", &[Some(of.len()), None, None, None])?;
        let [_, height, width, channels] = pictures.shape[..] else { unreachable!("four lengths were asked for") };
        if channels != 1 && channels != 3 {
            return Err(self.damaged("pictures", format!("{channels} channels are none of a picture")));
        }
        if !of.is_sorted() {
            return Err(self.damaged("pictured", "they are in no order".into()));
        }
        let shape = [Some(queries), Some(3), Some(height), Some(width), Some(channels)];
        let pairs = self.bytes("pairs", &shape)?.data;
        Ok(Pictures { channels, height, width, of, bytes: pictures.data, pairs })
    }

    /// Whole numbers from 0 up to, not including, `end`.
    fn places(&self, name: &'static str, end: usize) -> Result<Vec<usize>, RecordError> {
        let place = |value: i64| usize::try_from(value).ok().filter(|&place| place < end);
        let places: Option<Vec<usize>> = self.whole(name, &[None])?.data.into_iter().map(place).collect();
        places.ok_or_else(|| self.damaged(name, format!("a place is not below {end}")))
    }

    fn whole(&self, name: &'static str, shape: &[Option<usize>]) -> Result<Typed<i64>, RecordError> {
        self.typed(name, shape, |data| if let NpyData::I64(values) = data { Some(values.clone()) } else { None })
    }

    fn single(&self, name: &'static str, shape: &[Option<usize>]) -> Result<Typed<f32>, RecordError> {
        self.typed(name, shape, |data| if let NpyData::F32(values) = data { Some(values.clone()) } else { None })
    }

    fn double(&self, name: &'static str, shape: &[Option<usize>]) -> Result<Typed<f64>, RecordError> {
        self.typed(name, shape, |data| if let NpyData::F64(values) = data { Some(values.clone()) } else { None })
    }

    fn bytes(&self, name: &'static str, shape: &[Option<usize>]) -> Result<Typed<u8>, RecordError> {
        self.typed(name, shape, |data| if let NpyData::U8(values) = data { Some(values.clone()) } else { None })
    }

    /// An array of a type and shape, where `None` stands for any length.
    fn typed<V>(
        &self, name: &'static str, shape: &[Option<usize>], values: fn(&NpyData) -> Option<Vec<V>>,
    ) -> Result<Typed<V>, RecordError> {
        let array = self.found.get(name).ok_or_else(|| self.damaged(name, "it is missing".into()))?;
        let fits = array.shape.len() == shape.len()
            && array.shape.iter().zip(shape).all(|(found, wanted)| wanted.is_none_or(|wanted| wanted == *found));
        let data = values(&array.data).filter(|_| fits);
        let shape = array.shape.clone();
        let data = data.ok_or_else(|| self.damaged(name, format!("its type or its shape {shape:?} is another")))?;
        Ok(Typed { shape, data })
    }

    fn damaged(&self, name: &'static str, reason: String) -> RecordError {
        damaged(self.path, format!("array `{name}`"), reason)
    }
}

/// An array of one type.
struct Typed<V> {
    shape: Vec<usize>,
    data: Vec<V>,
}

#[cfg(test)]
mod tests;
