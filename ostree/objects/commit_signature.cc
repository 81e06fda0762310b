#include "ostree/objects/commit_signature.hh"

#include "base/error.hh"
#include "base/interrupt.hh"
#include "ostree/objects/glib.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kSignatureSize = 64;

}  // namespace

std::string sign_commit_object(std::string_view commit_object,
                               const std::vector<registry::PrivateKey>& keys) {
    GVariantBuilder list;
    g_variant_builder_init(&list, G_VARIANT_TYPE_BYTESTRING_ARRAY);
    for (const registry::PrivateKey& key : keys)
        g_variant_builder_add_value(&list, byte_array(as_bytes(key.sign(commit_object))));
    GVariantBuilder dict;
    g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&dict, "{sv}", std::string(kEd25519Signatures).c_str(),
                          g_variant_builder_end(&list));
    const GVariantPtr out = take(g_variant_builder_end(&dict));
    return std::string(as_text(bytes_of(out.get())));
}

bool has_signature_form(std::string_view key, ByteView bytes) noexcept {
    if (key == kEd25519Signatures) return bytes.size() == kSignatureSize;
    if (key != kGpgSignatures) return true;
    if (bytes.empty()) return false;
    const bool is_old_format = bytes[0] >= 0x88 && bytes[0] <= 0x8b;
    return is_old_format || bytes[0] == 0xc2;
}

std::vector<std::string> read_signatures(std::string_view detached, std::string_view key) {
    if (detached.empty()) return {};
    const GVariantPtr dict =
        variant_from_bytes(G_VARIANT_TYPE_VARDICT, as_bytes(detached), /*trusted=*/false);
    if (g_variant_is_normal_form(dict.get()) == FALSE)
        throw Error(ErrorKind::invalid, "malformed detached metadata of a commit");
    const GVariantPtr list(
        g_variant_lookup_value(dict.get(), std::string(key).c_str(), G_VARIANT_TYPE_BYTESTRING_ARRAY));
    if (!list) return {};
    const gsize count = g_variant_n_children(list.get());
    std::vector<std::string> out;
    for (gsize i = 0; i < count && out.size() < kMaxCommitSignatures; ++i) {
        const GVariantPtr element(g_variant_get_child_value(list.get(), i));
        const ByteView bytes = view_byte_array(element.get());
        if (has_signature_form(key, bytes)) out.emplace_back(as_text(bytes));
    }
    return out;
}

std::optional<registry::PublicKey> find_commit_signer(std::string_view commit_object,
                                                      std::string_view detached,
                                                      const std::vector<registry::PublicKey>& keys) {
    for (const std::string& signature : read_signatures(detached, kEd25519Signatures)) {
        check_interrupt();
        for (const registry::PublicKey& key : keys) {
            if (key.verifies(commit_object, signature)) return key;
        }
    }
    return std::nullopt;
}

}  // namespace osb::ostree
