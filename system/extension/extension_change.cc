// Adds and removes extensions.
#include <algorithm>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/sandboxed_call.hh"
#include "image/sandbox/import_answer.hh"
#include "image/sandbox/sandbox_plan.hh"
#include "oci/documents/reference.hh"
#include "ostree/import/import.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/ref_change.hh"
#include "ostree/tree/commit_walk.hh"
#include "registry/trust/verify_image.hh"
#include "system/extension/extension.hh"
#include "system/extension/extension_release.hh"
#include "system/origin/machine_platform.hh"

namespace osb::system {
namespace {

using ostree::Deployment;
using ostree::Sysroot;

// The name is known only when the image was imported. No extension has capitals; cleanup removes it.
constexpr const char* kImportRef = "osb/extension/IMPORT";

constexpr const char* kReleaseHint =
    "an extension needs the file /usr/lib/extension-release.d/extension-release.NAME (docs/extensions.md)";

// The names in the extension-release files of a commit, and their objects.
std::vector<std::pair<std::string, Sha256>> release_files(const ostree::CommitWalk& walk) {
    const std::string prefix = concat(kReleaseDirectory, kReleasePrefix);
    std::vector<std::pair<std::string, Sha256>> out;
    for (const ostree::WalkedFile& file : walk.files) {
        for (const std::string& path : file.paths) {
            if (path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos)
                out.emplace_back(path.substr(prefix.size()), file.checksum);
        }
    }
    return out;
}

// As systemd: the file of that name; or the only file, because the name was chosen on the command line.
std::pair<std::string, Sha256> choose_release(const ostree::CommitWalk& walk, const std::string& wanted,
                                              const std::string& image_name) {
    const auto files = release_files(walk);
    if (files.empty()) {
        throw Error(ErrorKind::invalid, "the image is not an extension: it has no extension-release file")
            .hint(kReleaseHint);
    }
    if (files.size() == 1) return {wanted.empty() ? files[0].first : wanted, files[0].second};
    const std::string& name = wanted.empty() ? image_name : wanted;
    for (const auto& file : files) {
        if (file.first == name) return file;
    }
    throw Error(ErrorKind::invalid,
                concat("the image has several extension-release files, but none for ", quoted(name)))
        .hint("name one of them with --name");
}

image::OsRelease read_release(const ostree::Repository& repository, const Sha256& checksum) {
    const ostree::ContentObject object = ostree::open_object(repository, checksum);
    if (!object.content)
        throw Error(ErrorKind::invalid, "the extension-release file is a link").hint(kReleaseHint);
    return image::parse_os_release(
        read_all(*object.content, image::kMaxOsRelease, "the extension-release file"));
}

void check_name(const std::string& name) {
    if (is_extension_name(name)) return;
    throw Error(ErrorKind::invalid, concat("bad name of an extension: ", quoted(name)))
        .hint(concat("--name accepts small letters, digits, '.', '_' and '-', at most ", kMaxExtensionName,
                     " bytes"));
}

// May run in another process.
image::ImportAnswer import_to(const Sysroot& sysroot, const AddOptions& options, osb::Progress& progress) {
    const ProgressEnd end(progress);  // the other process does not know what this one shows
    const Deployment current = current_deployment(sysroot);
    // The image for the machine of the sysroot, which may be another than this one.
    const std::optional<oci::Platform> machine =
        sysroot.booted() ? std::nullopt : std::optional(machine_platform(sysroot, current));
    const oci::Image image =
        registry::open_trusted_image(oci::Reference::parse(options.image), machine, options.registry);
    if (!options.force) check_machine(image.config.platform, sysroot, current);
    ostree::Repository repository = sysroot.repository();
    const ostree::ImportResult imported = ostree::import_image(repository, image,
                                                               {.ref = ostree::RefName::parse(kImportRef),
                                                                .layout = ostree::Layout::extension,
                                                                .parent = ostree::Parent::none,
                                                                .jobs = options.jobs},
                                                               progress);
    return image::answer_of(imported);
}

class Addition {
  public:
    Addition(Sysroot& sysroot, const AddOptions& options)
        : sysroot_(sysroot), options_(options), current_(current_deployment(sysroot)) {}

    AddReport run(osb::Progress& progress) {
        if (!options_.name.empty()) check_name(options_.name);
        std::vector<Extension> list = read_extensions(sysroot_, current_.id.stateroot);
        ostree::Repository repository = sysroot_.repository();
        const image::ImportAnswer imported = read_image(progress);
        progress.begin("checking the extension", std::nullopt);
        try {
            AddReport out = describe(repository, imported);
            replace_in(list, out);
            check_out_extension(sysroot_, imported.commit);
            out.content = read_extension_content(extension_directory(sysroot_, imported.commit),
                                                 concat(sysroot_.path_of(current_.id.path()), "/usr"));
            ostree::change_refs(repository, {{extension_ref(out.extension.name), imported.commit}},
                                {kImportRef});
            write_extensions(sysroot_, current_.id.stateroot, list);
            return out;
        } catch (...) {
            forget_import(repository);
            throw;
        }
    }

  private:
    image::ImportAnswer read_image(osb::Progress& progress) const {
        image::SandboxPlan plan;
        plan.change_repository(sysroot_.path_of("ostree/repo"));
        plan.read_image(options_.image);
        return image::parse_import_answer(call_in_sandbox(plan.take(), options_.sandbox, [&] {
            // The descriptors of the other one are closed.
            return image::to_text(import_to(Sysroot::open(sysroot_.path()), options_, progress));
        }));
    }

    AddReport describe(const ostree::Repository& repository, const image::ImportAnswer& imported) const {
        const auto [name, checksum] =
            choose_release(ostree::walk_commit(repository, imported.commit), options_.name, image_name());
        check_name(name);
        AddReport out{.extension = {.name = name,
                                    .commit = imported.commit,
                                    .image = options_.image,
                                    .digest = imported.manifest_digest,
                                    .version = imported.version,
                                    .is_forced = options_.force,
                                    .release = deciding_fields(read_release(repository, checksum))},
                      .before = std::nullopt,
                      .content = {},
                      .notes = imported.notes,
                      .unfit = ""};
        out.unfit = FitCheck::of(sysroot_, current_).why_not(out.extension.release);
        if (!out.unfit.empty() && !options_.force) {
            throw Error(ErrorKind::refused,
                        concat("the extension ", quoted(name), " does not fit this system: ", out.unfit))
                .code("does_not_fit")
                .hint("--force merges it anyway, with every later system, too");
        }
        return out;
    }

    std::string image_name() const { return oci::Reference::parse(options_.image).short_name(); }

    static void replace_in(std::vector<Extension>& list, AddReport& report) {
        const auto at = std::find_if(list.begin(), list.end(),
                                     [&](const Extension& one) { return one.name >= report.extension.name; });
        if (at != list.end() && at->name == report.extension.name) {
            report.before = at->commit;
            *at = report.extension;
            return;
        }
        if (list.size() == kMaxExtensions) {
            throw Error(ErrorKind::too_large, concat("a system has at most ", kMaxExtensions, " extensions"));
        }
        list.insert(at, report.extension);
    }

    static void forget_import(ostree::Repository& repository) {
        try {
            if (repository.resolve(kImportRef)) ostree::change_refs(repository, {}, {kImportRef});
        } catch (const Error& error) {
            log_debug(error.message());
        }
    }

    Sysroot& sysroot_;
    const AddOptions& options_;
    Deployment current_;
};

// The record is written. A failure now delays the change to the next boot.
ExtensionEffect take_effect(const Sysroot& sysroot, const MountNamespace& where) {
    if (!sysroot.booted()) return ExtensionEffect::recorded;
    return with_context([] { return "the change is recorded for the next boot, but"; },
                        [&] { return merge_extensions(sysroot, where).effect; });
}

}  // namespace

AddReport add_extension(Sysroot& sysroot, const MountNamespace& where, const AddOptions& options,
                        osb::Progress& progress) {
    AddReport out = Addition(sysroot, options).run(progress);
    out.effect = take_effect(sysroot, where);
    remove_unused_extension_files(sysroot);  // of the extension that was replaced
    return out;
}

RemoveReport remove_extension(Sysroot& sysroot, const MountNamespace& where, const std::string& name) {
    const Deployment current = current_deployment(sysroot);
    std::vector<Extension> list = read_extensions(sysroot, current.id.stateroot);
    const auto at =
        std::find_if(list.begin(), list.end(), [&](const Extension& one) { return one.name == name; });
    if (at == list.end()) {
        throw Error(ErrorKind::not_found, concat("there is no extension ", quoted(name)))
            .hint("'osb-oci extension list' lists them");
    }
    RemoveReport out{.extension = *at, .effect = ExtensionEffect::now};
    list.erase(at);
    write_extensions(sysroot, current.id.stateroot, list);
    out.effect = take_effect(sysroot, where);
    remove_unused_extension_files(sysroot);
    sysroot.prune(unused_extension_refs(sysroot));
    return out;
}

}  // namespace osb::system
