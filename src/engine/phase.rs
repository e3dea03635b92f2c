//! One step of a workflow, and the types that it reads, makes and may touch. The graph is derived from them.

use std::borrow::Cow;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;

pub use kubewright_value::Value;

use crate::failure::Failure;
use crate::report::Report;
use crate::store::{ArtifactId, Made, Seeds, Store};
use crate::world::World;

/// One step of a workflow. Implementations hold no state: one unit struct in one file under `phases/`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a phase",
    label = "no `impl Phase<Node> for {Self}`",
    note = "a phase file holds one unit struct, named like the file, with `impl Phase<Node>`"
)]
pub trait Phase<W: World>: Send + Sync + 'static {
    /// Help line: imperative, no full stop.
    const ABOUT: &'static str;
    /// kubeadm's order among phases that are ready together; also the order in which they are printed.
    const RANK: u16;
    /// Order that no artifact expresses, as paths; `certs` covers `certs/…`. Each needs a comment why.
    const AFTER: &'static [&'static str] = &[];

    /// All that it reads and all that it may touch.
    type Input: Input<W>;
    /// The one thing that it makes; `()` for none.
    type Output: Artifact<W>;

    /// Decides from the configuration alone, before anything runs.
    fn applies(&self, _seeds: &Seeds) -> Applies {
        Applies::Yes
    }

    /// Does the work. It must be idempotent: a second call finds its own work and changes nothing.
    fn run(&self, input: Self::Input, report: &Report) -> impl Future<Output = Result<Self::Output, Failure>> + Send;
}

/// Whether a phase has anything to do with this configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applies {
    /// It runs.
    Yes,
    /// It is left out.
    No {
        /// Why, for `plan` and the log.
        why: Cow<'static, str>,
    },
    /// It is left out, and the user is told so in its place.
    Told {
        /// The word in brackets.
        tag: &'static str,
        /// The line, which is also the reason for `plan` and the log.
        text: String,
    },
}

/// A value that one phase makes and others read. It is made in this run, or loaded from the node.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an artifact, so no phase can make it",
    label = "needs `impl Artifact<Node>` with `async fn load`"
)]
pub trait Artifact<W: World>: Value {
    /// Reads what an earlier run made; `None` when it is not there. The seeds say where to look, such as `--cert-dir`.
    fn load(view: &W::View, seeds: &Seeds) -> impl Future<Output = Result<Option<Self>, Failure>> + Send;
}

impl<W: World> Artifact<W> for () {
    async fn load(_: &W::View, _: &Seeds) -> Result<Option<Self>, Failure> {
        Ok(Some(()))
    }
}

/// A power to change something, cut from one phase's session.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a power that a phase can use",
    label = "needs `impl Capability<Node>`"
)]
pub trait Capability<W: World>: Send + Sized + 'static {
    /// Its name for graphs and docs.
    const NAME: &'static str;
    /// Cuts it from the session.
    fn of(session: &W::Session) -> Self;
}

/// What a phase takes: `Read`, `Maybe`, `Use`, or a tuple of up to twelve of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be an input of a phase",
    label = "values come as `Read<T>` or `Maybe<T>`, powers as `Use<C>`, several as a tuple of up to twelve"
)]
pub trait Input<W: World>: Send + Sized + 'static {
    /// Adds what it needs.
    fn needs(needs: &mut Needs);
    /// Takes it. The plan has proved that all is there.
    fn take(store: &Store, session: &W::Session) -> Self;
}

/// What a phase needs.
#[derive(Debug, Clone, Default)]
pub struct Needs {
    /// Values that must be there.
    pub reads: Vec<ArtifactId>,
    /// Values whose maker may not apply.
    pub maybe: Vec<ArtifactId>,
    /// Names of the powers that it uses.
    pub uses: Vec<&'static str>,
}

/// A value that must be there.
pub struct Read<A>(Arc<A>);

impl<A> Deref for Read<A> {
    type Target = A;
    fn deref(&self) -> &A {
        &self.0
    }
}

impl<A> Clone for Read<A> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<A> Read<A> {
    /// Wraps a value, for calling a phase by hand in tests.
    pub fn new(value: A) -> Self {
        Self(Arc::new(value))
    }
}

impl<W: World, A: Value> Input<W> for Read<A> {
    fn needs(needs: &mut Needs) {
        needs.reads.push(ArtifactId::of::<A>());
    }

    fn take(store: &Store, _: &W::Session) -> Self {
        Self(store.get::<A>().expect("the plan proved that every read value is made, loaded or a seed"))
    }
}

/// A value whose maker may not apply, such as the local etcd's certificate authority with an external etcd.
pub struct Maybe<A>(Option<Arc<A>>);

impl<A> Maybe<A> {
    /// The value, if it was made.
    pub fn get(&self) -> Option<&A> {
        self.0.as_deref()
    }

    /// Wraps a value, for calling a phase by hand in tests.
    pub fn new(value: Option<A>) -> Self {
        Self(value.map(Arc::new))
    }
}

impl<W: World, A: Value> Input<W> for Maybe<A> {
    fn needs(needs: &mut Needs) {
        needs.maybe.push(ArtifactId::of::<A>());
    }

    fn take(store: &Store, _: &W::Session) -> Self {
        Self(store.get::<A>())
    }
}

/// A power.
pub struct Use<C>(C);

impl<C> Deref for Use<C> {
    type Target = C;
    fn deref(&self) -> &C {
        &self.0
    }
}

impl<W: World, C: Capability<W>> Input<W> for Use<C> {
    fn needs(needs: &mut Needs) {
        needs.uses.push(C::NAME);
    }

    fn take(_: &Store, session: &W::Session) -> Self {
        Self(C::of(session))
    }
}

macro_rules! tuples {
    ($(($($part:ident)*))*) => {$(
        impl<W: World, $($part: Input<W>),*> Input<W> for ($($part,)*) {
            fn needs(needs: &mut Needs) {
                let _ = &needs;
                $($part::needs(needs);)*
            }

            #[allow(clippy::unused_unit, reason = "the empty tuple is one of them")]
            fn take(store: &Store, session: &W::Session) -> Self {
                let _ = (store, session);
                ($($part::take(store, session),)*)
            }
        }
    )*};
}

tuples! { () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
(A B C D E F G H I) (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L) }

/// The future of one erased phase.
pub type Doing<'a, T> = Pin<Box<dyn Future<Output = Result<T, Failure>> + Send + 'a>>;

mod sealed {
    pub trait Sealed<W> {}
    impl<W: super::World, P: super::Phase<W>> Sealed<W> for P {}
}

/// A phase whose types the graph has forgotten. Every [`Phase`] is one; nothing else can be.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a phase",
    label = "no `impl Phase<Node> for {Self}`",
    note = "a phase file holds one unit struct, named like the file, with `impl Phase<Node>`"
)]
pub trait AnyPhase<W: World>: sealed::Sealed<W> + Send + Sync {
    /// [`Phase::ABOUT`].
    fn about(&self) -> &'static str;
    /// [`Phase::RANK`].
    fn rank(&self) -> u16;
    /// [`Phase::AFTER`].
    fn after(&self) -> &'static [&'static str];
    /// What its input needs.
    fn needs(&self) -> Needs;
    /// What it makes.
    fn makes(&self) -> ArtifactId;
    /// [`Phase::applies`].
    fn applies_to(&self, seeds: &Seeds) -> Applies;
    /// Takes the input and starts; the future borrows neither store nor session.
    fn start(&'static self, store: &Store, session: &W::Session, report: Report) -> Doing<'static, Made>;
    /// Loads its artifact.
    fn find<'a>(&self, view: &'a W::View, seeds: &'a Seeds) -> Doing<'a, Option<Made>>;
}

impl<W: World, P: Phase<W>> AnyPhase<W> for P {
    fn about(&self) -> &'static str {
        P::ABOUT
    }

    fn rank(&self) -> u16 {
        P::RANK
    }

    fn after(&self) -> &'static [&'static str] {
        P::AFTER
    }

    fn needs(&self) -> Needs {
        let mut needs = Needs::default();
        P::Input::needs(&mut needs);
        needs
    }

    fn makes(&self) -> ArtifactId {
        ArtifactId::of::<P::Output>()
    }

    fn applies_to(&self, seeds: &Seeds) -> Applies {
        self.applies(seeds)
    }

    fn start(&'static self, store: &Store, session: &W::Session, report: Report) -> Doing<'static, Made> {
        let input = P::Input::take(store, session);
        Box::pin(async move { Ok(Arc::new(self.run(input, &report).await?) as Made) })
    }

    fn find<'a>(&self, view: &'a W::View, seeds: &'a Seeds) -> Doing<'a, Option<Made>> {
        Box::pin(async move { Ok(P::Output::load(view, seeds).await?.map(|made| Arc::new(made) as Made)) })
    }
}

/// A registered phase: its address and its type.
pub struct Entry<W: World> {
    /// Its address, such as `certs/apiserver`.
    pub path: &'static str,
    /// The phase.
    pub phase: &'static dyn AnyPhase<W>,
}
