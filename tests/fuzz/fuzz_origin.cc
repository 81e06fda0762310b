// Origin files of deployments, and the format they are in: written by other programs, edited by people.
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "image/deployment/origin.hh"
#include "ostree/objects/key_file.hh"
#include "system/origin/origin.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;

// What is written is read as the same.
void check_key_file(std::string_view text) {
    std::string first;
    if (!accepts([&] { first = ostree::KeyFile::parse(text).to_string(); })) return;
    require(ostree::KeyFile::parse(first).to_string() == first);
    ostree::KeyFile file = ostree::KeyFile::parse(text);
    const std::string value = " = \\ \t;#[x]\n";
    file.set("group", "key", value);
    ostree::KeyFile again = ostree::KeyFile::parse(file.to_string());
    require(again.get("group", "key") == value);
    again.remove("group", "key");
    require(!again.get("group", "key"));
}

void check_image(const system::ImageOrigin& origin, std::string_view text) {
    std::string next;
    if (!accepts([&] { next = system::image_origin_at(origin.value, origin.manifest_digest, text); })) return;
    const system::Origin again = system::parse_origin(next);
    const auto* image = std::get_if<system::ImageOrigin>(&again);
    require(image != nullptr && image->value == origin.value && image->reference == origin.reference);
    require(image->manifest_digest == origin.manifest_digest);
    require(image::origin_image(origin.value) == origin.reference);
    const bool is_docker = origin.reference.starts_with("docker://");
    require(!is_docker || image::origin_image(origin.reference) == origin.reference);
    require(!system::is_untried(next));
}

void check_refspec(const system::RefspecOrigin& origin) {
    const std::string refspec = system::to_string(origin);
    const system::Origin again = system::parse_origin(image::refspec_origin(refspec));
    const auto* found = std::get_if<system::RefspecOrigin>(&again);
    require(found != nullptr && found->remote == origin.remote && found->ref == origin.ref);
}

void check_state(std::string_view text) {
    std::string untried;
    if (!accepts([&] { untried = system::with_untried(text, true); })) return;
    require(system::is_untried(untried));
    const std::string tried = system::with_untried(untried, false);
    require(!system::is_untried(tried));
    require(system::with_untried(tried, false) == tried);
    const std::string lasting = system::without_transient(untried);
    require(!system::is_untried(lasting) && system::without_transient(lasting) == lasting);
    accepts([&] { require(system::is_untried(system::with_state_of(lasting, untried))); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    check_key_file(text);
    check_state(text);
    accepts([&] {
        const system::Origin origin = system::parse_origin(text);
        if (const auto* image = std::get_if<system::ImageOrigin>(&origin)) check_image(*image, text);
        if (const auto* refspec = std::get_if<system::RefspecOrigin>(&origin)) check_refspec(*refspec);
    });
    return 0;
}
