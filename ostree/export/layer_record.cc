#include "ostree/export/layer_record.hh"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::ostree {
namespace {

// Increase it when the same inputs give other bytes of a layer.
constexpr std::string_view kWriterVersion = "2";
constexpr std::size_t kMaxFile = 64UL * 1024;
constexpr const char* kDirectory = "extensions/osb-oci/layers";

Fd open_directory(const Repository& repository) {
    const std::string path = concat(repository.path(), '/', kDirectory);
    return open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

Fd make_directory(const Repository& repository) {
    const std::string extensions = concat(repository.path(), "/extensions");
    for (const std::string& above : {extensions, extensions + "/osb-oci"}) {
        static_cast<void>(open_state_directory(above));
    }
    return open_state_directory(concat(repository.path(), '/', kDirectory));
}

oci::Json to_json(const Sha256& recipe, const oci::WrittenLayer& layer, const std::string& writer) {
    return {{"recipe", to_hex(recipe)},
            {"writer", writer},
            {"mediaType", layer.descriptor.media_type},
            {"digest", layer.descriptor.digest.to_string()},
            {"size", layer.descriptor.size},
            {"annotations", layer.descriptor.annotations},
            {"diffID", layer.diff_id.to_string()}};
}

// The file name is `recipe`. A file with another recipe inside belongs to another layer.
oci::WrittenLayer from_json(const oci::Json& json, const Sha256& recipe) {
    constexpr std::string_view kWhat = "a record of a layer";
    if (oci::required_string(json, "recipe", kWhat) != to_hex(recipe))
        throw Error(ErrorKind::invalid, "a record of a layer belongs to another layer");
    // Evaluate what may throw first: g++ 12 destroys the members of an incomplete aggregate twice.
    const oci::Digest digest = oci::Digest::parse(oci::required_string(json, "digest", kWhat));
    const oci::Digest diff_id = oci::Digest::parse(oci::required_string(json, "diffID", kWhat));
    const std::string media_type = oci::required_string(json, "mediaType", kWhat);
    const std::int64_t size =
        oci::required_integer(json, "size", 0, std::numeric_limits<std::int64_t>::max(), kWhat);
    if (oci::find_member(json, "annotations") == nullptr) {
        throw Error(ErrorKind::invalid, "a record of a layer without annotations");
    }
    std::map<std::string, std::string> annotations = oci::string_map(json, "annotations", kWhat);
    return {.descriptor = {.media_type = media_type,
                           .digest = digest,
                           .size = static_cast<std::uint64_t>(size),
                           .annotations = std::move(annotations)},
            .diff_id = diff_id};
}

struct DirCloser {
    void operator()(DIR* dir) const noexcept { ::closedir(dir); }
};

std::vector<std::string> names_in(const Fd& directory) {
    std::vector<std::string> out;
    const std::unique_ptr<DIR, DirCloser> dir(::fdopendir(::dup(directory.get())));
    if (!dir) return out;
    while (const dirent* entry = ::readdir(dir.get())) out.emplace_back(entry->d_name);
    return out;
}

// Removes the older half if there are more than LayerRecord::kMaxRecords.
void remove_old(const Fd& directory) {
    std::vector<std::string> names = names_in(directory);
    constexpr std::size_t kDots = 2;
    if (names.size() <= LayerRecord::kMaxRecords + kDots) return;
    std::vector<std::pair<std::int64_t, std::string>> files;
    for (std::string& name : names) {
        struct stat st {};
        if (::fstatat(directory.get(), name.c_str(), &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode))
            files.emplace_back(static_cast<std::int64_t>(st.st_mtim.tv_sec), std::move(name));
    }
    std::sort(files.begin(), files.end());
    files.resize(files.size() / 2);
    for (const auto& [time, name] : files) ::unlinkat(directory.get(), name.c_str(), 0);
}

}  // namespace

LayerRecipe::LayerRecipe(std::string_view kind, const oci::LayerFormat& format) {
    for (const std::string_view text : {std::string_view(OSB_VERSION), kWriterVersion, kind}) add(text);
    add(format.to_string());
}

void LayerRecipe::add(std::string_view text) {
    hasher_.update(concat(text.size(), ':'));
    hasher_.update(text);
}

void LayerRecipe::add_files(const std::vector<const WalkedFile*>& files) {
    add(concat(files.size()));
    for (const WalkedFile* file : files) {
        hasher_.update(file->checksum);
        add(concat(file->paths.size()));
        for (const std::string& path : file->paths) add(path);
    }
}

void LayerRecipe::add_directories(const std::vector<WalkedDirectory>& directories) {
    add(concat(directories.size()));
    for (const WalkedDirectory& directory : directories) {
        hasher_.update(directory.meta);
        add(directory.path);
    }
}

LayerRecord::LayerRecord(const Repository& repository, const oci::LayerFormat& format)
    : repository_(repository), writer_(concat(OSB_VERSION, ' ', kWriterVersion, ' ', format.to_string())) {}

bool LayerRecord::empty() const {
    struct stat st {};
    return ::stat(concat(repository_.path(), '/', kDirectory).c_str(), &st) != 0;
}

std::optional<oci::WrittenLayer> LayerRecord::find(const Sha256& recipe) const {
    try {
        const Fd directory = open_directory(repository_);
        const std::string text = read_regular_file(directory.get(), to_hex(recipe), kMaxFile);
        return from_json(oci::parse_json(text, "a record of a layer"), recipe);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) log_debug(error.message());
    }
    return std::nullopt;
}

std::map<std::string, oci::Descriptor> LayerRecord::blobs() const {
    std::map<std::string, oci::Descriptor> out;
    try {
        const Fd directory = open_directory(repository_);
        for (const std::string& name : names_in(directory)) {
            if (name.size() != 2 * sizeof(Sha256)) continue;
            try {
                const oci::Json json =
                    oci::parse_json(read_regular_file(directory.get(), name, kMaxFile), name);
                oci::WrittenLayer layer = from_json(json, parse_sha256(name));
                if (oci::required_string(json, "writer", name) != writer_) continue;
                std::string digest = layer.descriptor.digest.to_string();
                out.insert_or_assign(std::move(digest), std::move(layer.descriptor));
            } catch (const Error& error) {
                log_debug(error.message());  // damaged, or from an older version
            }
        }
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) log_debug(error.message());
    }
    return out;
}

void LayerRecord::save(const Sha256& recipe, const oci::WrittenLayer& layer) const {
    try {
        const Fd directory = make_directory(repository_);
        const std::string name = to_hex(recipe);
        // The name is unique among all threads and processes that write the same record.
        const std::string temporary = concat(name, '.', ::getpid(), '.', layer.descriptor.digest.hex());
        replace_file(directory.get(), name, to_json(recipe, layer, writer_).dump(), temporary);
        remove_old(directory);
    } catch (const Error& error) {
        log_debug(error.message());
    }
}

}  // namespace osb::ostree
