#include "system/upgrade/fetched_image.hh"

#include <fcntl.h>

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/state_file.hh"
#include "image/deployment/origin.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::system {
namespace {

constexpr const char* kName = "fetched.json";
constexpr const char* kDirectory = "ostree/osb-oci";
constexpr std::size_t kMaxFetchedFile = 64UL * 1024;

}  // namespace

oci::Json to_json(const FetchedImage& fetched) {
    return {{"image", fetched.image},
            {"digest", fetched.digest},
            {"commit", fetched.commit},
            {"version", fetched.version},
            {"time", fetched.time}};
}

FetchedImage parse_fetched_image(const oci::Json& json, std::string_view what) {
    FetchedImage out{.image = oci::required_string(json, "image", what),
                     .digest = oci::required_string(json, "digest", what),
                     .commit = ostree::CommitId::parse(oci::required_string(json, "commit", what)),
                     .version = oci::required_string(json, "version", what),
                     .time = oci::required_count(json, "time", what)};
    static_cast<void>(oci::Digest::parse(out.digest));
    return out;
}

std::optional<FetchedImage> read_fetched_image(const ostree::Sysroot& sysroot) {
    try {
        const std::string path = concat(sysroot.path_of(kDirectory), '/', kName);
        const std::string text = read_regular_file(AT_FDCWD, path, kMaxFetchedFile);
        FetchedImage out = parse_fetched_image(oci::parse_json(text, kName), kName);
        const ostree::Repository repository = sysroot.repository();
        if (repository.resolve(image::image_ref(out.image).text()) != out.commit) return std::nullopt;
        if (!ostree::has_whole_commit(repository, out.commit)) return std::nullopt;
        return out;
    } catch (const Error& error) {
        log_debug(concat(kName, " is ignored: ", error.message()));
    }
    return std::nullopt;
}

void write_fetched(const ostree::Sysroot& sysroot, const FetchedImage& fetched) {
    const oci::Json json = to_json(fetched);
    const Fd directory = open_state_directory(sysroot.path_of(kDirectory));
    replace_file(directory.get(), kName, json.dump(2, ' ', true, oci::Json::error_handler_t::replace) + '\n');
}

}  // namespace osb::system
