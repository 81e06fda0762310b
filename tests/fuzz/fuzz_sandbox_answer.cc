// What a process in the sandbox returns to the one that deploys: an error ('e' and the text), the answer of
// an import ('i') or of an upgrade's lookup ('u'). A process that was taken over may return anything.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/stored_error.hh"
#include "image/sandbox/import_answer.hh"
#include "system/upgrade/image_answer.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::require;

// What was parsed is parsed again as the same. (Long texts are cut.)
void check_error(std::string_view text) {
    const Error error = parse_error(text);
    require(fuzz::is_printable(error.message()) && fuzz::is_printable(error.hint()));
    require(fuzz::is_printable(error.code()));
    const Error again = parse_error(store_error(error));
    require(again.kind() == error.kind() && again.code() == error.code());
    require(again.message() == error.message() && again.hint() == error.hint());
}

void check_import(std::string_view text) {
    const image::ImportAnswer answer = image::parse_import_answer(text);
    require(std::all_of(answer.notes.begin(), answer.notes.end(), fuzz::is_printable));
    const image::ImportAnswer again = image::parse_import_answer(image::to_text(answer));
    require(again.commit == answer.commit && again.ref == answer.ref && again.notes == answer.notes);
    require(again.version == answer.version && again.transfer.way == answer.transfer.way);
}

void check_lookup(std::string_view text) {
    const system::ImageAnswer answer = system::parse_image_answer(text);
    require(fuzz::is_printable(answer.digest));
    require(system::to_text(system::parse_image_answer(system::to_text(answer))) == system::to_text(answer));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = as_text({data + 1, size - 1});
    if (data[0] == 'e') check_error(text);
    if (data[0] == 'i') fuzz::accepts([&] { check_import(text); });
    if (data[0] == 'u') fuzz::accepts([&] { check_lookup(text); });
    return 0;
}
