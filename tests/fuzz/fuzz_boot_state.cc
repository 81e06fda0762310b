// What a machine's last boot left for the next program. The first byte says which: 'v' SYSLINUX's auxiliary
// data vector, as it is; 'V' its items alone, in a vector that is whole; 'c' the result of boot-check; 'p' a
// record of the kernel's panic.
#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/byte_order.hh"
#include "system/check/boot_check.hh"
#include "system/trial/boot_once.hh"
#include "system/trial/panic_record.hh"
#include "tests/fuzz/fuzz_support.hh"
#include "tests/support/temp_directory.hh"

namespace {

using namespace osb;
using fuzz::require;

constexpr std::size_t kVector = 1024;
constexpr std::size_t kItems = 8;
constexpr std::size_t kMaxItems = 500;

// Only `name` is in it.
std::string directory_with(const char* name, std::string_view text) {
    static const test::TempDirectory directory;
    const std::string path = directory / name;
    std::filesystem::create_directories(path);
    std::ofstream(path + "/boot-check.json", std::ios::binary | std::ios::trunc) << text;
    return path;
}

void put_word(std::string& bytes, std::size_t at, std::uint32_t value) {
    put_little_endian(std::span(bytes).subspan(at, 4), value);
}

std::uint32_t word_at(std::string_view bytes, std::size_t at) {
    return static_cast<std::uint32_t>(from_little_endian(bytes.substr(at, 4)));
}

// As libinstaller/advio.h of SYSLINUX describes it.
std::string vector_of(std::string_view items) {
    std::string copy(kVector / 2, '\0');
    items = items.substr(0, kMaxItems);
    copy.replace(kItems, items.size(), items);
    std::uint32_t sum = 0;
    for (std::size_t at = kItems; at < kItems + kMaxItems; at += 4) sum += word_at(copy, at);
    put_word(copy, 0, 0x5a2d2fa5);
    put_word(copy, 4, 0xa3041767 - sum);
    put_word(copy, copy.size() - 4, 0xdd28bf64);
    return copy + copy;
}

// What is set is read, and what was there before is left when it is cleared.
void check_vector(std::string_view vector) {
    const std::string label = system::parse_boot_once(vector);
    require(label.size() <= 255);
    if (vector.size() != kVector) return;
    std::string set;
    try {
        set = system::make_boot_once(vector, "trial");
    } catch (const Error& error) {
        require(error.kind() == ErrorKind::internal);  // full of other items
        return;
    }
    require(set.size() == kVector && system::parse_boot_once(set) == "trial");
    const std::string cleared = system::make_boot_once(set, "");
    require(system::parse_boot_once(cleared).empty());
    require(system::make_boot_once(vector, "") == cleared);
    require(system::make_boot_once(cleared, "trial") == set);
}

void check_result(std::string_view text) {
    const std::optional<system::BootCheckSummary> found =
        system::read_boot_check(directory_with("check", text));
    if (found) require(fuzz::is_printable(found->failure));
}

void check_panic(std::string_view text) {
    constexpr long kMaxAge = 3600;
    const std::string found = system::find_panic(directory_with("panic", text), kMaxAge);
    require(fuzz::is_printable(found));
    require(found.empty() == (text.find("Kernel panic") == std::string_view::npos));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = as_text({data + 1, size - 1});
    switch (data[0]) {
        case 'v':
            check_vector(text);
            break;
        case 'V':
            check_vector(vector_of(text));
            break;
        case 'c':
            check_result(text);
            break;
        default:
            check_panic(text);
    }
    return 0;
}
