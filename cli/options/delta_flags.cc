#include "cli/options/delta_flags.hh"

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/numbers.hh"
#include "cli/options/registry_flags.hh"
#include "cli/output/format.hh"
#include "oci/documents/platform.hh"
#include "oci/transports/image.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/push/delta_prune.hh"
#include "ostree/push/push_source.hh"
#include "ostree/tree/commit_info.hh"
#include "registry/trust/verify_image.hh"

namespace osb::cli {
namespace {

constexpr unsigned kMostDeltas = 100;

ostree::CommitId commit_of_image(const std::string& name, const std::optional<oci::Platform>& platform,
                                 const oci::Reference& target, const registry::RegistryOptions& access) {
    const oci::Reference reference = oci::Reference::parse(name);
    const oci::Image image =
        registry::open_trusted_image(reference, platform, options_for_other(reference, target, access));
    const std::optional<ostree::CommitId> commit = ostree::promised_whole_commit(image);
    if (commit) return *commit;
    throw Error(ErrorKind::invalid, "the image is not only an ostree commit");
}

// That of the commit to push; nullopt if it states none, or if there is no such commit.
std::optional<oci::Platform> platform_of(const ostree::Repository& repository, const std::string& rev) {
    const std::optional<ostree::CommitId> commit = repository.resolve(rev);
    std::optional<oci::Platform> out;
    if (commit) out = ostree::read_commit_platform(repository, *commit);
    return out && !out->os.empty() ? out : std::nullopt;
}

void note(const Session& session, const ostree::PushedDelta& delta) {
    session.note(concat("delta from ", delta.from.short_text(), ": ", format_bytes(delta.size),
                        delta.was_there ? ", which was there already" : "", " (objects have ",
                        format_bytes(delta.objects_size), ')'));
}

}  // namespace

void DeltaFlags::declare(Arguments& arguments) {
    constexpr std::string_view kGroup = "Deltas";
    arguments.add({
        {.name = "--delta-from",
         .value = "REV|IMAGE",
         .kind = ValueKind::tree,
         .help = "also push the difference from this commit, which the repository must have",
         .group = kGroup,
         .target = &from},
        {.name = "--delta-last",
         .value = "N",
         .help = "the same for each of the last N commits of the history",
         .group = kGroup,
         .range = Range{1, kMostDeltas},
         .target = &last},
        {.name = "--prune-deltas",
         .help = "remove deltas whose origin or target is gone",
         .group = kGroup,
         .target = &prune},
    });
}

std::vector<ostree::CommitId> DeltaFlags::commits(const ostree::Repository& repository,
                                                  const std::string& rev, const oci::Reference& target,
                                                  const registry::RegistryOptions& access) const {
    std::vector<ostree::CommitId> out;
    for (const std::string& name : from) {
        const auto what = [&] { return concat("--delta-from ", quoted(name)); };
        const auto find = [&]() -> std::optional<ostree::CommitId> {
            if (oci::Reference::looks_like_image(name))
                return commit_of_image(name, platform_of(repository, rev), target, access);
            return repository.resolve(name);
        };
        const std::optional<ostree::CommitId> commit = with_context(what, find);
        if (!commit || !ostree::has_whole_commit(repository, *commit)) {
            throw ostree::revision_not_found(
                repository, name,
                concat("the repository has no commit ", commit ? commit->text() : quoted(name)));
        }
        out.push_back(*commit);
    }
    return out;
}

DeltaReport push_deltas(const Session& session, const DeltaFlags& flags,
                        std::vector<ostree::CommitId> origins, const ostree::Repository& repository,
                        const oci::Reference& target, const ostree::ExportResult& image,
                        const registry::RegistryOptions& access) {
    DeltaReport out;
    for (const ostree::CommitId& commit : ostree::commits_before(repository, image.commit, flags.last))
        origins.push_back(commit);
    if (!origins.empty()) {
        out.deltas =
            ostree::push_deltas(repository, target, image.manifest_digest, origins, access, session.progress);
        session.progress.end();
        for (const ostree::PushedDelta& delta : out.deltas) note(session, delta);
    }
    if (flags.prune) {
        out.pruned = ostree::prune_deltas(repository, target, access);
        session.note(concat("removed ", format_count(out.pruned, "delta")));
    }
    return out;
}

}  // namespace osb::cli
