//! The lines of Python that load what was written.

use std::path::Path;

use stopgrad_train::config::{EncoderPool, EncoderStem, NetworkKind};
use stopgrad_train::exchange::{Export, Target};

/// Ten lines at most, and what to do with the model.
pub(super) fn python(export: &Export, target: Target, out: &Path) -> String {
    let network = export.network();
    let image = export.image();
    let [channels, height, width] = image.unwrap_or([1, 1, 1]);
    let library = match target {
        Target::Torchvision => "torch, torchvision",
        Target::Timm => "timm, torch",
        Target::Safetensors => "torch",
    };
    // A Rust string in its quotes is one of Python's, but for letters that no path should have.
    let mut lines = vec![
        format!("import json, {library}"),
        "from safetensors import safe_open".to_owned(),
        format!("with safe_open({:?}, \"pt\") as file:", out.display().to_string()),
        "    told = json.loads(file.metadata()[\"stopgrad\"])".to_owned(),
        "    weights = {name: file.get_tensor(name) for name in file.keys()}".to_owned(),
    ];
    let kind = network.encoder;
    match target {
        Target::Torchvision => lines.push(format!("model = torchvision.models.{}()", kind.name())),
        Target::Timm if kind.stages().is_some() => {
            lines.push(format!("model = timm.create_model(\"{}\", num_classes=0)", kind.name()));
        }
        Target::Timm => {
            let mut options = format!(
                "img_size=({height}, {width}), patch_size={}, in_chans={channels}, num_classes=0",
                network.encoder_patch
            );
            if network.encoder_pool == EncoderPool::Mean {
                options.push_str(", class_token=False, global_pool=\"avg\"");
            }
            lines.push(if kind == NetworkKind::Vit {
                let (d, depth, heads) = (network.encoder_width, network.encoder_depth, network.encoder_heads);
                format!(
                    "model = timm.models.VisionTransformer({options}, embed_dim={d}, depth={depth}, num_heads={heads})"
                )
            } else {
                format!("model = timm.create_model(\"{}_patch16_224\", {options})", kind.name())
            });
        }
        Target::Safetensors => {
            lines.push("for name, weight in weights.items(): print(name, tuple(weight.shape))".to_owned());
            return lines.join("\n") + "\n";
        }
    }
    if kind.stages().is_some() {
        let small = network.encoder_stem == EncoderStem::Cifar;
        let sizes = if small { "3, 1, 1" } else { "7, 2, 3" };
        let stem = format!("torch.nn.Conv2d({channels}, 64, {sizes}, bias=False)");
        if small {
            lines.push(format!("model.conv1, model.maxpool = {stem}, torch.nn.Identity()"));
        } else if channels != 3 {
            lines.push(format!("model.conv1 = {stem}"));
        }
        lines.push("model.fc = torch.nn.Identity()".to_owned());
    }
    lines.push("print(model.load_state_dict(weights), model.eval().training)".to_owned());
    lines.push("mean, std = (torch.tensor(told[name]).view(-1, 1, 1) for name in (\"mean\", \"std\"))".to_owned());
    lines.push(format!(
        "# images x, n × {channels} × {height} × {width}, in 0 to 1: features = model((x - mean) / std)"
    ));
    lines.join("\n") + "\n"
}
