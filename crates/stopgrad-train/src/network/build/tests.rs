use super::*;

fn of_filters() -> NetworkConfig {
    NetworkConfig {
        encoder: NetworkKind::Conv,
        encoder_hidden: vec![4, 6],
        encoder_width: 8,
        encoder_batch_norm: true,
        ..NetworkConfig::default()
    }
}

fn image(channels: usize, height: usize, width: usize) -> Input {
    Input::from(&Shape::Image { channels, height, width })
}

#[test]
fn a_convolutional_encoder_has_two_convolutions_a_stage_each_with_its_norm() {
    let network = Network::new(&of_filters(), image(3, 9, 5)).unwrap();
    let shapes: Vec<&[usize]> = network.parameters.iter().map(|p| &p.shape[..]).filter(|s| s.len() == 4).collect();
    let expected: [[usize; 4]; 6] =
        [[3, 3, 3, 4], [3, 3, 4, 4], [3, 3, 4, 6], [3, 3, 6, 6], [3, 3, 6, 8], [3, 3, 8, 8]];
    assert_eq!(shapes, expected);
    assert_eq!((network.parameters[0].name.as_str(), network.encoder_width), ("encoder.1.weight", 8));
    // 9 × 5, 5 × 3, 3 × 2 pixels; two numbers a channel of each norm; the predictor is 8 × 8.
    let filters = [27 * 4 * 45, 36 * 4 * 45, 36 * 6 * 15, 54 * 6 * 15, 54 * 8 * 6, 72 * 8 * 6];
    assert_eq!(network.multiply_adds(), (filters.iter().sum(), 64));
    let numbers = 27 * 4 + 36 * 4 + 36 * 6 + 54 * 6 + 54 * 8 + 72 * 8 + 2 * 2 * (4 + 6 + 8) + 64;
    assert_eq!(network.parameter_count(), numbers);
}

#[test]
fn filters_are_refused_where_there_is_no_image_for_them() {
    let refused = |config: &NetworkConfig, input: Input| Network::new(config, input).unwrap_err().to_string();
    assert!(refused(&of_filters(), 3072.into()).contains("takes images"));
    // 2 pixels can be halved once: two stages.
    assert!(refused(&of_filters(), image(1, 2, 40)).contains("make 3 stages"));
    assert!(Network::new(&of_filters(), image(1, 3, 40)).is_ok());
    let without = NetworkConfig { encoder_batch_norm: false, ..of_filters() };
    assert!(refused(&without, image(3, 32, 32)).contains("encoder_batch_norm = false"));
    let later = NetworkConfig { projector: NetworkKind::Conv, ..of_filters() };
    assert!(refused(&later, image(3, 32, 32)).contains("network.projector = \"conv\""));
    let zero = NetworkConfig { encoder_hidden: vec![4, 0], ..of_filters() };
    assert!(refused(&zero, image(3, 32, 32)).contains("network.encoder_hidden has a width of 0"));
}
