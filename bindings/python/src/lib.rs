//! The mathematics of stopgrad for Python: NumPy in, plain dictionaries out. What checks and explains is in
//! `python/stopgrad/__init__.py`; here arrays become Rust and answers become Python.

use numpy::{PyArray1, PyArray2, PyReadonlyArrayDyn, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use stopgrad_dynamics::collapse::Place;
use stopgrad_dynamics::diagnosis::{self, EmbeddingValues, Embeddings, Given, Role};
use stopgrad_dynamics::moments::{MomentKind, MomentSums};
use stopgrad_dynamics::{Moments, PredictOptions};

fn refused(error: impl ToString) -> PyErr {
    PyValueError::new_err(error.to_string())
}

/// float32 or float64 of two or three axes.
fn embeddings(name: &str, array: &Bound<'_, PyAny>) -> PyResult<Embeddings> {
    let (shape, values) = if let Ok(array) = array.extract::<PyReadonlyArrayDyn<'_, f32>>() {
        (array.shape().to_vec(), EmbeddingValues::F32(array.as_array().iter().copied().collect()))
    } else if let Ok(array) = array.extract::<PyReadonlyArrayDyn<'_, f64>>() {
        (array.shape().to_vec(), EmbeddingValues::F64(array.as_array().iter().copied().collect()))
    } else {
        return Err(PyTypeError::new_err(format!("{name}: an array of float32 or float64 is needed")));
    };
    Embeddings::new(name, &shape, values).map_err(refused)
}

fn role(name: &str) -> PyResult<Role> {
    Ok(match name {
        "encoder" => Role::Place(Place::Encoder),
        "projector" => Role::Place(Place::Projector),
        "predictor" => Role::Place(Place::Predictor),
        "teacher" => Role::Place(Place::Teacher),
        "second_view" => Role::SecondView,
        "reference" => Role::Reference,
        other => return Err(PyValueError::new_err(format!("no place is called {other}"))),
    })
}

/// The diagnosis of arrays by role.
#[pyfunction]
fn diagnose<'py>(
    py: Python<'py>, arrays: &Bound<'py, PyDict>, labels: Option<Vec<i64>>, weight_decay: Option<f64>,
    loss_sees_scale: Option<bool>,
) -> PyResult<Bound<'py, PyAny>> {
    let mut given = Given { labels, weight_decay, loss_sees_scale, ..Given::default() };
    for (name, array) in arrays {
        let name: String = name.extract()?;
        given.outputs.insert(role(&name)?, embeddings(&name, &array)?);
    }
    let found = py.detach(|| diagnosis::diagnose(given, &|_| false)).map_err(refused)?;
    Ok(pythonize::pythonize(py, &found.to_json())?)
}

/// Sums over pairs of views, to which more can be added.
#[pyclass(name = "MomentSums")]
struct PyMomentSums {
    size: usize,
    sums: Option<MomentSums>,
}

#[pymethods]
impl PyMomentSums {
    #[new]
    fn new(size: usize) -> PyResult<Self> {
        if size == 0 { Err(PyValueError::new_err("views of no coordinates")) } else { Ok(Self { size, sums: None }) }
    }

    /// Adds pairs: both orders of each.
    fn add(&mut self, py: Python<'_>, x: &Bound<'_, PyAny>, y: &Bound<'_, PyAny>) -> PyResult<()> {
        let (x, y) = (embeddings("x", x)?, embeddings("y", y)?);
        for view in [&x, &y] {
            if view.width != self.size || view.shape() != x.shape() {
                let (x, y) = (x.shape(), y.shape());
                return Err(refused(format!("the views are {x:?} and {y:?}; both must be [n, {}]", self.size)));
            }
            view.outputs().map_err(refused)?;
        }
        if x.samples < 2 {
            return Err(refused("one pair has no spread; add two or more at a time"));
        }
        let added = py.detach(|| diagnosis::view_moments(&x, &y));
        match &mut self.sums {
            Some(sums) => sums.merge(&added),
            None => self.sums = Some(added),
        }
        Ok(())
    }

    /// Arrays by the names that a file of moments has.
    fn arrays<'py>(&self, py: Python<'py>, centered: bool) -> PyResult<Bound<'py, PyDict>> {
        let sums = self.sums()?;
        let rows = sums.whole(centered);
        let out = PyDict::new(py);
        for (name, kind) in [("xx", MomentKind::Xx), ("yx", MomentKind::Yx)] {
            let mut row = vec![0.0; self.size];
            let mut all = Vec::with_capacity(self.size);
            for at in 0..self.size {
                rows.fill(kind, at, &mut row);
                all.push(row.clone());
            }
            out.set_item(name, PyArray2::from_vec2(py, &all).map_err(refused)?)?;
        }
        out.set_item("count", rows.count())?;
        out.set_item("mean_x", PyArray1::from_vec(py, rows.mean_x()))?;
        out.set_item("mean_y", PyArray1::from_vec(py, rows.mean_y()))?;
        out.set_item("centered", centered)?;
        out.set_item("symmetrized", true)?;
        Ok(out)
    }

    /// What the linear theory expects; the halves of the samples estimate the noise.
    fn predict<'py>(
        &self, py: Python<'py>, weight_decay: f64, embedding_dim: Option<usize>, centered: bool,
    ) -> PyResult<Bound<'py, PyAny>> {
        let sums = self.sums()?;
        let moments = sums.moments(centered);
        let even = sums.half(centered).map(|half| half.to_moments());
        let odd = even.as_ref().and_then(|even| moments.without(even).ok());
        predicted(py, &moments, even.as_ref().zip(odd.as_ref()), weight_decay, embedding_dim)
    }
}

impl PyMomentSums {
    fn sums(&self) -> PyResult<&MomentSums> {
        self.sums.as_ref().ok_or_else(|| PyValueError::new_err("no pairs were added"))
    }
}

/// The same from matrices.
#[pyfunction]
fn predict<'py>(
    py: Python<'py>, xx: PyReadonlyArrayDyn<'py, f64>, yx: PyReadonlyArrayDyn<'py, f64>, weight_decay: f64,
    embedding_dim: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let matrix = |name: &str, array: &PyReadonlyArrayDyn<'py, f64>| match *array.shape() {
        [rows, columns] => Ok(faer::Mat::from_fn(rows, columns, |i, j| array.as_array()[[i, j]])),
        ref other => Err(PyValueError::new_err(format!("{name} has the shape {other:?}; moments are square matrices"))),
    };
    let moments = Moments::new(matrix("xx", &xx)?, matrix("yx", &yx)?, None).map_err(refused)?;
    predicted(py, &moments, None, weight_decay, embedding_dim)
}

fn predicted<'py>(
    py: Python<'py>, moments: &Moments, halves: Option<(&Moments, &Moments)>, weight_decay: f64,
    embedding_dim: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let options = PredictOptions { embedding_dim, ..PredictOptions::new(weight_decay) };
    let found = py.detach(|| stopgrad_dynamics::predict(moments, &options, halves, &|_| false)).map_err(refused)?;
    Ok(pythonize::pythonize(py, &found.to_json())?)
}

#[pymodule]
fn _stopgrad(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<PyMomentSums>()?;
    module.add_function(wrap_pyfunction!(diagnose, module)?)?;
    module.add_function(wrap_pyfunction!(predict, module)?)
}
