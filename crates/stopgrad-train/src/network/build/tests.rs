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
fn a_convolutional_encoder_has_a_residual_block_a_stage() {
    let network = Network::new(&of_filters(), image(3, 9, 5)).unwrap();
    let filters = network.parameters.iter().filter(|p| p.shape.len() == 4);
    let (names, shapes): (Vec<&str>, Vec<&[usize]>) = filters.map(|p| (p.name.as_str(), &p.shape[..])).unzip();
    let blocks = ["4.conv1", "4.conv2", "5.conv1", "5.conv2", "5.downsample.0", "6.conv1", "6.conv2", "6.downsample.0"];
    let expected: Vec<String> = ["1"].iter().chain(&blocks).map(|part| format!("encoder.{part}.weight")).collect();
    assert_eq!(names, expected);
    let taps = [[3, 3, 3, 4], [3, 3, 4, 4], [3, 3, 4, 4], [3, 3, 4, 6], [3, 3, 6, 6], [1, 1, 4, 6], [3, 3, 6, 8]];
    assert_eq!(shapes, [&taps[..], &[[3, 3, 8, 8], [1, 1, 6, 8]]].concat());
    // 9 × 5, 5 × 3, 3 × 2 pixels; two numbers a channel of each norm; the predictor is 8 × 8.
    let pixels = [45, 45, 45, 15, 15, 15, 6, 6, 6];
    let products: usize = shapes.iter().zip(pixels).map(|(s, pixels)| s.iter().product::<usize>() * pixels).sum();
    assert_eq!(network.multiply_adds(), (products, 64));
    let weights: usize = shapes.iter().map(|s| s.iter().product::<usize>()).sum();
    assert_eq!(network.parameter_count(), weights + 2 * (3 * 4 + 3 * 6 + 3 * 8) + 64);
}

#[test]
fn the_first_filters_may_look_at_every_second_pixel() {
    let strided = NetworkConfig { encoder_stride: 2, ..of_filters() };
    let [all, fewer] = [of_filters(), strided.clone()].map(|config| Network::new(&config, image(3, 16, 16)).unwrap());
    assert_eq!(all.parameters, fewer.parameters);
    let [all, fewer] = [all, fewer].map(|network| network.multiply_adds().0);
    assert_eq!(all, 4 * fewer);
    // 5 pixels become 3, and 3 can be halved twice.
    assert!(Network::new(&strided, image(1, 5, 40)).is_ok() && Network::new(&strided, image(1, 4, 40)).is_err());
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
