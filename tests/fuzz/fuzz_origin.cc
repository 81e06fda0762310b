// Origin files of deployments, and the format they are in: written by other programs, edited by people.
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "image/deployment/origin.hh"
#include "ostree/objects/key_file.hh"
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

void check_image(const image::ImageOrigin& origin, const image::Origin& previous) {
    image::Origin next;
    if (!accepts([&] {
            next = image::Origin::of_image(origin.value, origin.manifest_digest).with_groups_of(previous);
        }))
        return;
    const image::OriginTarget again = next.target();
    const auto* image = std::get_if<image::ImageOrigin>(&again);
    require(image != nullptr && image->value == origin.value && image->reference == origin.reference);
    require(image->manifest_digest == origin.manifest_digest);
    require(image::origin_image(origin.value) == origin.reference);
    const bool is_docker = origin.reference.starts_with("docker://");
    require(!is_docker || image::origin_image(origin.reference) == origin.reference);
    require(!next.is_untried());
}

void check_refspec(const image::RefspecOrigin& origin) {
    const std::string refspec = to_string(origin);
    const image::OriginTarget again = image::Origin::of_refspec(refspec).target();
    const auto* found = std::get_if<image::RefspecOrigin>(&again);
    require(found != nullptr && found->remote == origin.remote && found->ref == origin.ref);
}

void check_state(const image::Origin& origin) {
    require(image::Origin::parse(origin.text()) == origin);
    const image::Origin untried = origin.with_untried(true);
    require(untried.is_untried());
    const image::Origin tried = untried.with_untried(false);
    require(!tried.is_untried() && tried.with_untried(false) == tried);
    const image::Origin lasting = untried.without_state();
    require(!lasting.is_untried() && lasting.without_state() == lasting);
    accepts([&] { require(lasting.with_state_of(untried).is_untried()); });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    check_key_file(text);
    accepts([&] {
        const auto origin = image::Origin::parse(text);
        check_state(origin);
        const image::OriginTarget target = origin.target();
        if (const auto* image = std::get_if<image::ImageOrigin>(&target)) check_image(*image, origin);
        if (const auto* refspec = std::get_if<image::RefspecOrigin>(&target)) check_refspec(*refspec);
    });
    return 0;
}
