#include "system/diff/diff_operands.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/reference.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/tree/base_tree.hh"
#include "ostree/tree/commit_walk.hh"
#include "registry/trust/verify_image.hh"
#include "system/deploy/deployment_name.hh"

namespace osb::system {
namespace {

using ostree::DiffSide;
using ostree::Layout;
using ostree::Repository;

// Returns true if the image is only a commit.
bool is_commit_image(const oci::Image& image) {
    return ostree::is_encapsulated(image) &&
           ostree::encapsulated_layers(image) == image.manifest.layers.size();
}

Layout layout_of(const DiffSide& side) {
    return ostree::is_laid_out(side.repository, ostree::read_root(side.repository, side.commit))
               ? Layout::bootable
               : Layout::plain;
}

}  // namespace

const ostree::Sysroot& DiffOperands::sysroot() {
    if (!sysroot_) sysroot_.emplace(places_.open_sysroot());
    return *sysroot_;
}

const Repository& DiffOperands::sysroot_repository() {
    if (!sysroot_repository_) sysroot_repository_.emplace(sysroot().repository());
    return *sysroot_repository_;
}

const Repository& DiffOperands::repository() {
    if (places_.repository.empty()) return sysroot_repository();
    if (!repository_) repository_.emplace(Repository::open(places_.repository));
    return *repository_;
}

DiffSide DiffOperands::find_revision(const std::string& text) {
    const Repository& in = repository();
    const std::optional<ostree::CommitId> commit = in.resolve(text);
    if (!commit) {
        throw ostree::revision_not_found(
            in, text, concat("the repository ", quoted(in.path()), " has no commit ", quoted(text)));
    }
    return {.repository = in, .commit = *commit};
}

DiffOperands::Operand DiffOperands::open(const std::string& text) {
    Operand out{.text = text, .image = std::nullopt, .side = std::nullopt};
    switch (kind_of_operand(text)) {
        case OperandKind::image:
            out.image =
                registry::open_trusted_image(oci::Reference::parse(text), places_.platform, places_.registry);
            break;
        case OperandKind::deployment: {
            const ostree::Deployment deployment = find_deployment(sysroot(), text);
            out.side.emplace(DiffSide{.repository = sysroot_repository(), .commit = deployment.id.commit});
            break;
        }
        case OperandKind::revision:
            out.side.emplace(find_revision(text));
            break;
    }
    return out;
}

// The objects and known layers of a repository save the import work, so two images use it too if it exists.
void DiffOperands::make_scratch(const Operand& a, const Operand& b) {
    const Repository* objects = nullptr;
    if (a.side || b.side) {
        objects = a.side ? &a.side->repository : &b.side->repository;
    } else {
        try {
            objects = &repository();
            // It stores neither owners nor all permissions, which the images have.
            if (objects->mode() == ostree::RepoMode::bare_user_only) objects = nullptr;
        } catch (const Error& error) {
            log_debug(concat("no repository is used: ", error.message()));
        }
    }
    scratch_.emplace("", objects);
}

void DiffOperands::import(Operand& operand, Layout layout) {
    const oci::Image& image = *operand.image;
    Repository& into = scratch_->repository();
    ostree::ImportOptions options;
    options.ref = ostree::RefName::parse("osb-oci/diff");
    options.layout = layout;
    options.jobs = places_.jobs;
    // The ref has the other image of this comparison, which is not its parent.
    if (!is_commit_image(image)) options.parent = ostree::Parent::none;
    const ostree::ImportResult result =
        with_context([&] { return quoted(operand.text); },
                     [&] { return ostree::import_image(into, image, options, progress_); });
    operand.side.emplace(DiffSide{
        .repository = into, .commit = is_commit_image(image) && result.base ? *result.base : result.commit});
}

void DiffOperands::import_images(Operand& a, Operand& b) {
    if (a.side && b.side) return;
    make_scratch(a, b);
    for (Operand* operand : {&a, &b}) {
        if (operand->side || !is_commit_image(*operand->image)) continue;
        // Either layout stores the commit itself. The label says in which of them nothing else is made.
        const bool is_bootable = !ostree::image_label(*operand->image, "ostree.bootable").empty();
        import(*operand, is_bootable ? Layout::bootable : Layout::plain);
    }
    const Layout layout = a.side ? layout_of(*a.side) : b.side ? layout_of(*b.side) : Layout::plain;
    for (Operand* operand : {&a, &b}) {
        if (!operand->side) import(*operand, layout);
    }
    progress_.end();
}

}  // namespace osb::system
