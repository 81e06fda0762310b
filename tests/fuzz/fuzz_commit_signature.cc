// Detached metadata of commits, which images bring, and lists of Ed25519 keys. The first byte selects.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/base64.hh"
#include "ostree/objects/commit_signature.hh"
#include "ostree/objects/detached_metadata.hh"
#include "ostree/objects/ed25519_key_list.hh"
#include "tests/fuzz/fuzz_support.hh"
#include "tests/support/test_keys.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;

std::vector<std::string> signatures(std::string_view detached, std::string_view key) {
    std::vector<std::string> out;
    accepts([&] { out = ostree::read_signatures(detached, key); });
    return out;
}

// The next two bytes are the length of the present metadata.
void check_join(std::string_view text) {
    if (text.size() < 2) return;
    const auto byte = [&](std::size_t i) { return std::size_t{static_cast<unsigned char>(text[i])}; };
    const std::size_t length = std::min(byte(0) + (byte(1) << 8U), text.size() - 2);
    const std::string_view present = text.substr(2, length);
    const std::string_view added = text.substr(2 + length);
    for (const auto preferred : {ostree::Preferred::present, ostree::Preferred::added}) {
        std::string joined;
        if (!accepts([&] { joined = ostree::join_detached_metadata(present, added, preferred); })) continue;
        for (const std::string_view key : {ostree::kEd25519Signatures, ostree::kGpgSignatures}) {
            const std::vector<std::string> all = signatures(joined, key);
            for (const std::string_view side : {present, added}) {
                for (const std::string& one : signatures(side, key))
                    require(std::find(all.begin(), all.end(), one) != all.end());
            }
        }
        std::string again;
        if (accepts(
                [&] { again = ostree::join_detached_metadata(joined, added, ostree::Preferred::present); }))
            require(signatures(again, ostree::kEd25519Signatures) ==
                    signatures(joined, ostree::kEd25519Signatures));
    }
}

// A good signature on either side verifies after any join, and after a second one.
void check_signer(std::string_view other) {
    static const registry::PrivateKey key = test::ed25519_key(1);
    static const std::string good = ostree::sign_commit_object("commit", {key});
    const auto verifies = [](std::string_view detached) {
        return ostree::find_commit_signer("commit", detached, {key.public_key()}).has_value();
    };
    for (const auto preferred : {ostree::Preferred::present, ostree::Preferred::added}) {
        accepts([&] {
            const std::string joined = ostree::join_detached_metadata(good, other, preferred);
            require(verifies(joined));
            require(verifies(ostree::join_detached_metadata(joined, other, preferred)));
        });
        accepts([&] { require(verifies(ostree::join_detached_metadata(other, good, preferred))); });
    }
}

void check_keys(std::string_view text) {
    const ostree::Ed25519Keys keys = ostree::parse_ed25519_keys(text, "keys");
    std::string again;
    for (const std::string& key : keys) {
        require(key.size() == 32);
        again += encode_base64(key) + '\n';
    }
    require(ostree::parse_ed25519_keys(again, "keys") == keys);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text = as_text({data, size});
    if (text.empty()) return 0;
    accepts([&] {
        if (text.front() == 'd') check_join(text.substr(1));
        if (text.front() == 's') check_signer(text.substr(1));
        if (text.front() == 'k') check_keys(text.substr(1));
    });
    return 0;
}
