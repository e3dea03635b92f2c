//! `config images list|pull`.

use clap::{ArgMatches, Args, Command, FromArgMatches};
use kubewright_config::{ImageList, InitFlags, load_images};
use kubewright_engine::FailureContext;
use kubewright_node::pull_stubbornly;
use serde::Serialize;

use crate::backends::{Machine, host_facts, on_machine};
use crate::exit::Exit;
use crate::given::GivenConfig;
use crate::output::{Object, OutputArgs};
use crate::render::{data, note, warn_of};

/// What decides which images there are.
#[derive(Debug, Args)]
struct ImagesArgs {
    /// Path to a configuration file
    #[arg(long, value_name = "FILE")]
    config: Option<String>,
    /// A set of key=value pairs that describe feature gates for various features
    #[arg(long, value_name = "GATES")]
    feature_gates: Option<String>,
    /// Choose a container registry to pull control plane images from [default: registry.k8s.io]
    #[arg(long, value_name = "REPOSITORY")]
    image_repository: Option<String>,
    /// Choose a specific Kubernetes version for the control plane [default: stable-1]
    #[arg(long, value_name = "VERSION")]
    kubernetes_version: Option<String>,
    /// Take unknown and duplicate fields of the configuration file for errors
    #[arg(long)]
    strict: bool,
}

#[derive(Debug, Args)]
struct ListArgs {
    #[command(flatten)]
    images: ImagesArgs,
    #[command(flatten)]
    output: OutputArgs,
}

#[derive(Debug, Args)]
struct PullArgs {
    #[command(flatten)]
    images: ImagesArgs,
    /// Path to the CRI socket to connect. If empty it is detected
    #[arg(long, value_name = "SOCKET")]
    cri_socket: Option<String>,
}

/// The fields of the object `Images`.
#[derive(Serialize)]
struct Images {
    images: Vec<String>,
}

/// The command with its two.
pub fn command() -> Command {
    let list = ListArgs::augment_args(Command::new("list")).about(
        "Print a list of images that will be used. The configuration file is used in case any images or image \
         repositories are customized",
    );
    let pull = PullArgs::augment_args(Command::new("pull")).about("Pull the images that will be used");
    Command::new("images")
        .about("Interact with container images")
        .subcommand_required(true)
        .subcommand(list)
        .subcommand(pull)
}

/// Runs one of the two.
pub fn run(matches: &ArgMatches) -> Result<(), Exit> {
    match matches.subcommand() {
        Some(("list", matches)) => list(ListArgs::from_arg_matches(matches).map_err(Exit::of)?),
        Some(("pull", matches)) => pull(PullArgs::from_arg_matches(matches).map_err(Exit::of)?),
        _ => Err(Exit::failed("subcommand is required")),
    }
}

fn list(args: ListArgs) -> Result<(), Exit> {
    let mut printer = args.output.printer()?;
    on_machine(async |machine| {
        // No runtime is asked, so none is looked for.
        let flags = InitFlags { skip_cri_detection: true, ..args.images.flags() };
        let images = load(&machine, &args.images, flags)?.images;
        let text = format!("{}\n", images.join("\n"));
        data(&printer.print(&Object::new("Images", Images { images }), || text).context("unable to print images")?);
        Ok(())
    })
}

fn pull(args: PullArgs) -> Result<(), Exit> {
    on_machine(async |machine| {
        let flags = InitFlags { cri_socket: args.cri_socket.clone(), ..args.images.flags() };
        let ImageList { images, cri_socket } = load(&machine, &args.images, flags)?;
        for image in &images {
            pull_stubbornly(&*machine.backends.runtime, &cri_socket, image)
                .await
                .context(format!("failed to pull image {image:?}"))?;
            note("config/images", &format!("Pulled {image}"));
        }
        Ok(())
    })
}

impl ImagesArgs {
    fn flags(&self) -> InitFlags {
        InitFlags {
            feature_gates: self.feature_gates.clone(),
            image_repository: self.image_repository.clone(),
            kubernetes_version: self.kubernetes_version.clone(),
            strict: self.strict,
            ..InitFlags::default()
        }
    }
}

fn load(machine: &Machine, args: &ImagesArgs, flags: InitFlags) -> Result<ImageList, Exit> {
    let file = GivenConfig::read(args.config.as_deref())?;
    let (list, warnings) = load_images(file.document(), &flags, &host_facts(&machine.backends))?;
    warn_of(&warnings);
    Ok(list)
}
