#include "ostree/tree/commit_info.hh"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "oci/documents/manifest.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/commit.hh"

namespace osb::ostree {

namespace {

// Also of a commit that lacks objects.
GVariantPtr load_object(const Repository& repository, const CommitId& commit) {
    GErrorSlot error;
    GVariant* commit_object = nullptr;
    error.check(ostree_repo_load_commit(repository.handle().repo.get(), commit.c_str(), &commit_object,
                                        nullptr, error.out()) != 0,
                concat("cannot load the commit ", commit));
    return GVariantPtr(commit_object);
}

// Maps the architectures whose names in uname -m and in Go are known. Other names give nullopt.
std::optional<oci::Platform> platform_of_machine(const std::string& machine) {
    constexpr std::array<std::string_view, 6> kKnown{"x86_64",  "aarch64", "ppc64le",
                                                     "riscv64", "s390x",   "loongarch64"};
    if (std::find(kKnown.begin(), kKnown.end(), machine) == kKnown.end()) return std::nullopt;
    const std::string name = machine == "loongarch64" ? "loong64" : machine;
    return oci::normalized({.os = "linux", .architecture = name, .variant = {}});
}

// Of the image that the commit was made from; nothing where the commit has none that is well-formed.
std::optional<oci::ImageConfig> config_of(GVariant* metadata, const CommitId& commit) {
    const std::string config = lookup_string(metadata, "ostree.container.image-config");
    if (config.empty()) return std::nullopt;
    try {
        return oci::ImageConfig::parse(config);
    } catch (const Error& error) {
        log_debug(concat("commit ", commit, ": ", error.message()));
    }
    return std::nullopt;
}

CommitInfo info_of(GVariant* commit_object) {
    const GVariantPtr metadata = metadata_of(commit_object);
    return {.version = lookup_string(metadata.get(), "version"),
            .manifest_digest = lookup_string(metadata.get(), "ostree.manifest-digest"),
            .time = ostree_commit_get_timestamp(commit_object)};
}

}  // namespace

std::optional<oci::Platform> read_commit_platform(const Repository& repository, const CommitId& commit) {
    const GVariantPtr commit_object = load_object(repository, commit);
    const GVariantPtr metadata = metadata_of(commit_object.get());
    if (const auto config = config_of(metadata.get(), commit);
        config && !config->platform.architecture.empty())
        return config->platform;
    return platform_of_machine(lookup_string(metadata.get(), "ostree.architecture"));
}

std::vector<oci::Digest> read_commit_layers(const Repository& repository, const CommitId& commit,
                                            const std::string& manifest_digest) {
    const GVariantPtr metadata = metadata_of(load_object(repository, commit).get());
    try {
        const oci::Digest digest = oci::Digest::parse(manifest_digest);
        const oci::Manifest manifest =
            oci::Manifest::parse(lookup_string(metadata.get(), "ostree.manifest"), "", digest.algorithm());
        oci::ImageConfig config =
            oci::ImageConfig::parse(lookup_string(metadata.get(), "ostree.container.image-config"));
        const oci::Digest& named = manifest.config.digest;
        if (manifest.digest == digest && oci::Digest::of(as_bytes(config.raw), named.algorithm()) == named)
            return std::move(config.diff_ids);
    } catch (const Error& error) {
        log_debug(concat("commit ", commit, ": ", error.message()));
    }
    return {};
}

bool has_commit_object(const Repository& repository, const CommitId& commit) {
    gboolean present = FALSE;
    GErrorSlot error;
    error.check(ostree_repo_has_object(repository.handle().repo.get(), OSTREE_OBJECT_TYPE_COMMIT,
                                       commit.c_str(), &present, nullptr, error.out()) != 0,
                concat("cannot look up the commit ", commit));
    return present != FALSE;
}

bool has_whole_commit(const Repository& repository, const CommitId& commit) {
    return has_commit_object(repository, commit) && load_commit(repository, commit) != nullptr;
}

CommitInfo read_commit_info(const Repository& repository, const CommitId& commit) {
    return info_of(load_object(repository, commit).get());
}

CommitInfo parse_commit_info(std::string_view commit_object) {
    const GVariantPtr parsed =
        variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, as_bytes(commit_object), /*trusted=*/false);
    if (g_variant_is_normal_form(parsed.get()) == FALSE)
        throw Error(ErrorKind::invalid, "malformed commit object");
    return info_of(parsed.get());
}

}  // namespace osb::ostree
