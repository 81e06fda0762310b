#include "ostree/objects/glib.hh"

#include <algorithm>

#include "base/escape.hh"

namespace osb::ostree {

GVariantPtr variant_from_bytes(const GVariantType* type, ByteView bytes, bool trusted) {
    // Do not use g_variant_new_from_data() with the caller's memory: GVariant requires aligned data.
    struct BytesDeleter {
        void operator()(GBytes* b) const noexcept { g_bytes_unref(b); }
    };
    const std::unique_ptr<GBytes, BytesDeleter> copy(g_bytes_new(bytes.data(), bytes.size()));
    return take(g_variant_new_from_bytes(type, copy.get(), trusted ? TRUE : FALSE));
}

GVariant* byte_array(ByteView bytes) {
    return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, bytes.data(), bytes.size(), 1);
}

ByteView view_byte_array(GVariant* variant) {
    gsize length = 0;
    const void* data = g_variant_get_fixed_array(variant, &length, 1);
    return {static_cast<const std::uint8_t*>(data), length};
}

Sha256 checksum_of(GVariant* bytes) {
    const ByteView view = view_byte_array(bytes);
    Sha256 out{};
    if (view.size() != out.size()) throw Error(ErrorKind::invalid, "a checksum of the wrong length");
    std::copy(view.begin(), view.end(), out.begin());
    return out;
}

std::string lookup_string(GVariant* dict, const char* key) {
    const GVariantPtr value(g_variant_lookup_value(dict, key, G_VARIANT_TYPE_STRING));
    return value ? std::string(g_variant_get_string(value.get(), nullptr)) : std::string{};
}

std::vector<std::string> lookup_strings(GVariant* dict, const char* key) {
    std::vector<std::string> out;
    const GVariantPtr value(g_variant_lookup_value(dict, key, G_VARIANT_TYPE_STRING_ARRAY));
    for (gsize i = 0; value && i < g_variant_n_children(value.get()); ++i) {
        const char* text = nullptr;
        g_variant_get_child(value.get(), i, "&s", &text);
        out.emplace_back(text);
    }
    return out;
}

namespace {

// GLib removes one carriage return from a line's end and keeps the others as a part of the value: what it
// then writes is read as another value.
std::string without_carriage_returns(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        out.append(line.substr(0, line.find_last_not_of('\r') + 1)).push_back('\n');
    }
    return out;
}

}  // namespace

GKeyFilePtr parse_key_file(std::string_view text) {
    // GLib would take it for the end of a value.
    if (text.find('\0') != std::string_view::npos) {
        throw Error(ErrorKind::invalid, "not a key file: it has a zero byte");
    }
    const std::string lines = without_carriage_returns(text);
    GKeyFilePtr out(g_key_file_new());
    GErrorSlot error;
    error.check(
        g_key_file_load_from_data(out.get(), lines.data(), lines.size(), G_KEY_FILE_NONE, error.out()) != 0,
        "not a key file");
    return out;
}

std::string key_file_text(GKeyFile* file) {
    gsize length = 0;
    const GStringPtr text(g_key_file_to_data(file, &length, nullptr));  // cannot fail
    return {text.get(), length};
}

void GErrorSlot::raise(std::string_view what) const {
    ErrorKind kind = ErrorKind::io;
    if (error_ == nullptr) throw Error(ErrorKind::internal, concat(what, ": failed without a reason"));
    if (matches(G_IO_ERROR, G_IO_ERROR_NO_SPACE)) kind = ErrorKind::no_space;
    if (matches(G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) kind = ErrorKind::not_found;
    if (error_->domain == G_KEY_FILE_ERROR) kind = ErrorKind::invalid;
    throw Error(kind, concat(what, ": ", escape(error_->message)));
}

}  // namespace osb::ostree
