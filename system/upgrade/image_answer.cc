#include "system/upgrade/image_answer.hh"

#include <nlohmann/json.hpp>

#include "image/sandbox/import_answer.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::system {
namespace {

constexpr const char* kWhat = "the answer of the process in the sandbox";

}  // namespace

std::string to_text(const ImageAnswer& answer) {
    oci::Json json{{"digest", answer.digest},
                   {"is_same_system", answer.is_same_system},
                   {"bytes_read", answer.bytes_read}};
    if (answer.release)
        json["release"] = {{"version", answer.release->version}, {"time", answer.release->time}};
    if (answer.commit) json["commit"] = *answer.commit;
    if (answer.fetched) json["fetched"] = to_json(*answer.fetched);
    if (answer.transfer) json["transfer"] = image::to_json(*answer.transfer);
    return json.dump(-1, ' ', true, oci::Json::error_handler_t::replace);
}

ImageAnswer parse_image_answer(std::string_view text) {
    const oci::Json json = oci::parse_json(text, kWhat);
    ImageAnswer out{.digest = oci::Digest::parse(oci::required_string(json, "digest", kWhat)).to_string(),
                    .is_same_system = oci::optional_flag(json, "is_same_system", kWhat),
                    .bytes_read = oci::required_count(json, "bytes_read", kWhat)};
    if (const oci::Json* const release = oci::find_member(json, "release")) {
        out.release = Release{.version = oci::required_string(*release, "version", kWhat),
                              .time = oci::required_count(*release, "time", kWhat)};
    }
    if (oci::find_member(json, "commit") != nullptr)
        out.commit = ostree::CommitId::parse(oci::required_string(json, "commit", kWhat));
    if (const oci::Json* const fetched = oci::find_member(json, "fetched"))
        out.fetched = parse_fetched_image(*fetched, kWhat);
    if (const oci::Json* const transfer = oci::find_member(json, "transfer"))
        out.transfer = image::parse_transfer(*transfer);
    return out;
}

}  // namespace osb::system
