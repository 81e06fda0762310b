#include "image/install/install_source.hh"

#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/sandboxed_call.hh"
#include "image/deployment/machine_check.hh"
#include "image/deployment/origin.hh"
#include "image/sandbox/import_answer.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image.hh"
#include "ostree/import/import.hh"
#include "ostree/objects/remote_trust.hh"
#include "ostree/push/remote_pull.hh"
#include "registry/trust/verify_image.hh"

namespace osb::image {
namespace {

// The remote whose keys verify the commits of the image to follow; "" for none.
std::string remote_of(const std::string& imgref) {
    if (imgref.empty()) return "";
    return std::get<ImageOrigin>(Origin::of_image(imgref).target()).remote;
}

bool requires_signature(const std::string& imgref) {
    if (imgref.empty()) return false;
    return std::get<ImageOrigin>(Origin::of_image(imgref).target()).requires_signature;
}

// The installed system would refuse a commit without these signatures.
// `digest`: of the image that the commit was made from, "" if it is not known.
void follow_image(InstallSource& source, const std::string& imgref, const std::string& digest = {}) {
    const std::string remote = remote_of(imgref);
    if (!remote.empty()) ostree::RemoteTrust(*source.repository, remote).verify_stored(source.commit);
    source.origin = Origin::of_image(imgref, digest);
    source.refs.insert_or_assign(concat("heads/", image_ref(imgref)), source.commit);
}

}  // namespace

InstallSource source_of_commit(const ostree::Repository& repository, const std::string& rev,
                               const std::string& target_imgref) {
    const std::optional<ostree::CommitId> commit = repository.resolve(rev);
    if (!commit) {
        throw ostree::revision_not_found(
            repository, rev,
            concat("the repository ", quoted(repository.path()), " has no commit ", quoted(rev)));
    }
    InstallSource out{.repository = &repository, .commit = *commit, .origin = Origin::of_refspec(rev)};
    for (const std::string& ref : repository.refs("")) {
        // The ref of a remote ("REMOTE:REF") stays with its repository.
        if (ref == rev && ref.find(':') == std::string::npos) out.refs.emplace("heads/" + ref, *commit);
    }
    if (!target_imgref.empty()) follow_image(out, target_imgref);
    if (const std::string remote = remote_of(target_imgref); !remote.empty()) {
        const ostree::RemoteConfig config = ostree::read_remote_config(repository, remote);
        out.remote_config = config.text;
        if (!config.keyring.empty())
            out.repository_files.emplace(ostree::keyring_name(remote), config.keyring);
    }
    return out;
}

namespace {

// Opens all by name: it may run in another process.
ImportAnswer import_to(const std::string& path, const oci::Reference& reference,
                       const ImageSourceOptions& options, const registry::RegistryOptions& registry,
                       Progress& progress) {
    const ProgressEnd end(progress);  // the other process does not know what this one shows
    const oci::Image image = registry::open_trusted_image(reference, options.platform, registry);
    check_disk_platform(image.config.platform, options.platform.value_or(oci::Platform::host()));
    // For an image that only wraps a commit, this is that commit.
    ostree::ImportOptions import;
    import.ref = ostree::RefName::parse(
        concat("os/", oci::machine_name(image.config.platform), '/', reference.short_name()));
    import.jobs = options.jobs;
    import.fetch = options.fetch;
    ostree::Repository repository = ostree::Repository::open(path);
    const ostree::ImportResult imported = ostree::import_image(repository, image, import, progress);
    return answer_of(imported);
}

SandboxRules import_rules(const std::string& repository, const std::string& image) {
    SandboxPlan plan;
    plan.change_repository(repository);
    plan.read_image(image);
    return plan.take();
}

}  // namespace

InstallSource source_of_image(ostree::Repository& repository, const ImageSourceOptions& options,
                              Progress& progress) {
    const oci::Reference reference = oci::Reference::parse(options.image);
    std::string imgref = options.target_imgref;
    if (imgref.empty() && reference.transport == oci::Transport::docker) imgref = reference.to_string();
    if (const std::string remote = remote_of(imgref);
        !remote.empty()) {  // refused before anything is fetched
        throw Error(ErrorKind::untrusted,
                    concat("the keys of the remote ", quoted(remote), " are in no repository here"))
            .hint(concat("'osb-oci pull --remote ", remote,
                         "' verifies the image; then install its commit with --repo"));
    }

    registry::RegistryOptions registry = options.registry;
    // The installed system would refuse an image without a signature, so the first one needs one, too.
    registry.require_signature = registry.require_signature || requires_signature(imgref);
    const std::string path = repository.path();
    const ImportAnswer imported =
        parse_import_answer(call_in_sandbox(import_rules(path, options.image), options.sandbox, [&] {
            return to_text(import_to(path, reference, options, registry, progress));
        }));
    InstallSource out{.repository = &repository, .commit = imported.commit};
    out.transfer = imported.transfer;
    // Include the refs of the layers, so that the next image that shares them need not fetch them again.
    for (const std::string& name : repository.refs("")) {
        // The image's own ref replaces this one. A second ref would keep the commit after upgrades have
        // replaced it.
        if (imported.ref == name && !imgref.empty()) continue;
        out.refs.emplace("heads/" + name, repository.resolve(name).value_or(out.commit));
    }
    out.origin = Origin::of_refspec(imported.ref.text());
    if (!imgref.empty()) follow_image(out, imgref, imported.manifest_digest);
    return out;
}

InstallSource source_of_remote(ostree::Repository& repository, const RemoteSourceOptions& options,
                               Progress& progress) {
    const ostree::RemotePullResult result = ostree::pull_remote(repository,
                                                                {.name = options.remote,
                                                                 .url = options.url,
                                                                 .ref = options.ref,
                                                                 .gpg_key = options.gpg_key,
                                                                 .copy = options.copy},
                                                                progress);
    InstallSource out{.repository = &repository,
                      .commit = result.commit,
                      .origin = Origin::of_refspec(concat(options.remote, ':', options.ref)),
                      .remote_config = result.config};
    if (!result.keyring.empty())
        out.repository_files.emplace(ostree::keyring_name(options.remote), result.keyring);
    out.refs.emplace(concat("remotes/", options.remote, '/', options.ref), result.commit);
    if (!options.target_imgref.empty()) follow_image(out, options.target_imgref);
    return out;
}

}  // namespace osb::image
