#include "system/upgrade/fetched_image.hh"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/fd.hh"
#include "base/log.hh"
#include "base/replace_file.hh"
#include "image/deployment/origin.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/json.hh"

namespace osb::system {
namespace {

constexpr const char* kName = "fetched.json";
constexpr const char* kDirectory = "ostree/osb-oci";
constexpr std::size_t kMaxFetchedFile = 64UL * 1024;

FetchedImage parse(const std::string& text) {
    const oci::Json json = oci::parse_json(text, kName);
    FetchedImage out{.image = json.at("image").get<std::string>(),
                     .digest = json.at("digest").get<std::string>(),
                     .commit = ostree::CommitId::parse(json.at("commit").get<std::string>()),
                     .version = json.at("version").get<std::string>(),
                     .time = json.at("time").get<std::uint64_t>()};
    static_cast<void>(oci::Digest::parse(out.digest));
    if (!json.at("time").is_number_unsigned()) throw Error(ErrorKind::invalid, "a time before 1970");
    return out;
}

}  // namespace

std::optional<FetchedImage> read_fetched_image(const ostree::Sysroot& sysroot) {
    try {
        const std::string path = concat(sysroot.path_of(kDirectory), '/', kName);
        FdSource source(open_regular(AT_FDCWD, path), path);
        FetchedImage out = parse(read_all(source, kMaxFetchedFile, path));
        if (sysroot.repository().resolve(image::image_ref(out.image).text()) != out.commit)
            return std::nullopt;
        return out;
    } catch (const Error& error) {
        log_debug(concat(kName, " is passed over: ", error.message()));
    } catch (const oci::Json::exception& error) {
        log_debug(concat(kName, " is passed over: ", escape(error.what())));
    }
    return std::nullopt;
}

void write_fetched(const ostree::Sysroot& sysroot, const FetchedImage& fetched) {
    const oci::Json json{{"image", fetched.image},
                         {"digest", fetched.digest},
                         {"commit", fetched.commit},
                         {"version", fetched.version},
                         {"time", fetched.time}};
    const std::string path = sysroot.path_of(kDirectory);
    if (::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST)
        throw_errno(concat("cannot make ", quoted(path)));
    const Fd directory = open_at(AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    replace_file(directory.get(), kName, json.dump(2, ' ', true, oci::Json::error_handler_t::replace) + '\n');
}

}  // namespace osb::system
