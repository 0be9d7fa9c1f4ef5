use std::path::Path;

use stopgrad_data::{NpyArray, NpyData};

use super::*;
use crate::config::{NetworkConfig, NetworkKind};
use crate::network::Input;

fn network() -> Network {
    let config = NetworkConfig {
        encoder: NetworkKind::Resnet18,
        encoder_base_width: 1,
        projector: NetworkKind::Linear,
        projector_width: 2,
        ..NetworkConfig::default()
    };
    Network::new(&config, Input { width: 48, image: Some([3, 4, 4]) }).expect("a network")
}

/// A file with these names before those of the encoder, as others write it, and what else it holds.
fn file(prefix: &str, more: &[(&str, &[usize])]) -> Result<std::path::PathBuf, std::io::Error> {
    let network = network();
    let weights = Weights::initialize::<f32>(&network, 3);
    let all = to_foreign::<f32>(&network, &weights).into_iter().filter_map(|(name, (shape, values))| {
        Some((format!("{prefix}{}", name.strip_prefix(ENCODER)?), NpyArray::new(&shape, NpyData::F32(values))))
    });
    let more = more.iter().map(|(name, shape)| {
        ((*name).to_owned(), NpyArray::new(shape, NpyData::F32(vec![1.5; shape.iter().product()])))
    });
    let arrays: Vec<(String, NpyArray)> = all.chain(more).collect();
    // An .npz is read like the other files of arrays.
    let path = std::env::temp_dir().join(format!("stopgrad-start-{}-{prefix}{}.npz", std::process::id(), arrays.len()));
    let named: Vec<(&str, &NpyArray)> = arrays.iter().map(|(name, array)| (name.as_str(), array)).collect();
    stopgrad_data::npz::write(&path, &named).map_err(std::io::Error::other)?;
    Ok(path)
}

fn read(path: &Path) -> Result<Start, StartError> {
    let start = Start::read(path, &network());
    std::fs::remove_file(path).expect("removed");
    start
}

#[test]
fn names_are_found_under_any_prefix_and_classifiers_left_out() {
    for prefix in ["", "module.", "state_dict.backbone.", "encoder."] {
        let head = format!("{prefix}fc.weight");
        let more: [(&str, &[usize]); 2] = [(&head, &[10, 8]), ("other.thing", &[1])];
        // Without a prefix whatever else is there would be one of the encoder's names.
        let path = file(prefix, if prefix.is_empty() { &more[..1] } else { &more });
        let start = read(&path.expect("written")).unwrap_or_else(|error| panic!("{prefix}: {error}"));
        assert!(start.unused.contains(&head), "{:?}", start.unused);
        assert_eq!(start.drawn, ["projector", "predictor"]);
        let network = network();
        let mut weights = Weights::initialize::<f64>(&network, 4);
        let projector = bridge::to_f64(&weights.parameters[network.projector.parameters.start]);
        start.fill::<f64>(&network, &mut weights);
        let wanted = Weights::initialize::<f32>(&network, 3);
        for index in network.encoder.parameters.clone() {
            assert_eq!(bridge::to_f64(&weights.parameters[index]), bridge::to_f64(&wanted.parameters[index]));
        }
        assert_eq!(bridge::to_f64(&weights.parameters[network.projector.parameters.start]), projector);
    }
}

#[test]
fn a_projector_beside_the_encoder_is_read_and_has_to_fit() {
    let path = file("encoder.", &[("projector.0.weight", &[2, 8])]).expect("written");
    let start = read(&path).expect("fits");
    assert_eq!(start.drawn, ["predictor"]);
    let network = network();
    let mut weights = Weights::zeros::<f32>(&network);
    start.fill::<f32>(&network, &mut weights);
    let projector = bridge::to_f64(&weights.parameters[network.projector.parameters.start]);
    assert!(projector.iter().all(|v| (v - 1.5).abs() < 1e-12));
    let path = file("encoder.", &[("projector.0.weight", &[8, 2])]).expect("written");
    let message = read(&path).expect_err("another shape").to_string();
    assert!(message.contains("projector.0.weight is [8, 2] there and [2, 8] here"), "{message}");
}

#[test]
fn what_does_not_fit_is_told_by_name() {
    let message = |prefix: &str, more: &[(&str, &[usize])]| {
        read(&file(prefix, more).expect("written")).expect_err("does not fit").to_string()
    };
    let said = message("m.", &[("m.layer1.2.conv1.weight", &[1]), ("m.bn1.num_batches_tracked", &[1])]);
    assert!(said.ends_with("does not fit the network: the network lacks: m.layer1.2.conv1.weight;"), "{said}");
    let path = std::env::temp_dir().join(format!("stopgrad-start-{}-few.npz", std::process::id()));
    let few = NpyArray::new(&[1], NpyData::F32(vec![1.0]));
    stopgrad_data::npz::write(&path, &[("conv1.weight", &few), ("bn1.bias", &few)]).expect("written");
    let said = read(&path).expect_err("does not fit").to_string();
    assert!(said.contains("the file lacks: bn1.weight, ") && said.contains(" more;"), "{said}");
    assert!(said.contains("of other shapes: conv1.weight is [1] there and [1, 3, 3, 3] here"), "{said}");
    stopgrad_data::npz::write(&path, &[("weights", &few)]).expect("written");
    let said = read(&path).expect_err("no encoder").to_string();
    assert!(said.contains("has no `conv1.weight`") && said.contains("it has weights"), "{said}");
    let lost = NpyArray::new(&[8], NpyData::F32(vec![f32::NAN; 8]));
    let path = file("", &[]).expect("written");
    let mut arrays = stopgrad_data::npz::read(&path).expect("arrays");
    arrays.insert("layer4.1.bn2.bias".into(), lost);
    stopgrad_data::npz::write(&path, &arrays.iter().map(|(n, a)| (n.as_str(), a)).collect::<Vec<_>>())
        .expect("written");
    let said = read(&path).expect_err("not finite").to_string();
    assert!(said.contains("`encoder.layer4.1.bn2.bias` holds a number that is not finite"), "{said}");
}
