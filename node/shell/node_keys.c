//  node_keys - our certificate, the broker's key, and which endpoints may be listened at without one

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "endpoint.h"
#include "node_shell.h"

static bool given(const char *text)
{
    return text && *text;
}

static bool set_code(alua_node_t *self, const char *word, char *error)
{
    wire_str_t text = { word, word ? strlen(word) : 0 };
    if (!given(word) || rights_code_of(text, &self->core.rights.most))
        return true;
    snprintf(error, CERT_ERROR, "code must be none, jail or full, not '%.60s'", word);
    return false;
}

static bool set_key(char *place, const char *key)
{
    memcpy(place, key, CERT_KEY + 1);
    return true;
}

//  The certificate that is named "broker" in the trust store.
static bool find_trusted(alua_node_t *self, char *error)
{
    const char *directory = trust_directory();
    trust_t *trust = directory ? trust_new(directory, error) : NULL;
    const char *key = trust ? trust_key_of(trust, "broker") : NULL;
    if (key)
        set_key(self->broker_key, key);
    bool fine = trust || !directory;
    trust_destroy(&trust);
    return fine;
}

static bool set_broker_key(alua_node_t *self, const char *text, char *error)
{
    cert_t cert;
    if (!given(text))
        return find_trusted(self, error);
    if (strlen(text) == CERT_KEY && access(text, F_OK) != 0)    //  A key may have a / in it
        return set_key(self->broker_key, text);
    return cert_load(&cert, text, false, error) && set_key(self->broker_key, cert.public_key);
}

bool node_keys_load(alua_node_t *self, const alua_config_t *config, const char **error)
{
    static char text[CERT_ERROR];
    *text = 0;
    *error = text;
    self->insecure = config->insecure;
    if (!set_code(self, config->code, text))
        return false;
    if (!given(config->key))
        return true;
    self->key_path = node_text_copy(config->key);
    self->broker_key_path = given(config->broker_key) ? node_text_copy(config->broker_key) : NULL;
    self->has_key = cert_load(&self->cert, config->key, true, text) && set_broker_key(self, config->broker_key, text);
    return self->has_key && self->key_path;
}

//  ---- Listening ---------------------------------------------------------------------

//  ZeroMQ also listens at the interface by its name.
static bool is_loopback(const char *endpoint)
{
    return endpoint_is_local(endpoint) || strncmp(endpoint, "tcp://lo:", 9) == 0;
}

bool node_keys_may_listen(const alua_node_t *self, const char *endpoint, const char **error)
{
    static char text[512];
    bool tcp = strncmp(endpoint, "tcp://", 6) == 0;
    if (!tcp || is_loopback(endpoint) || self->has_key || self->insecure)
        return true;
    snprintf(text, sizeof text, "others can reach %.200s, so it takes a key: make one with 'alua keys new NAME' and give it "
             "with --key NAME.key, or listen at tcp://127.0.0.1:PORT", endpoint);
    *error = text;
    return false;
}

//  ---- Dialling ----------------------------------------------------------------------

bool node_keys_broker(const alua_node_t *self, const char *endpoint, const char **key, const char **error)
{
    *key = NULL;
    if (!self->has_key || strncmp(endpoint, "tcp://", 6) != 0)
        return true;
    *key = self->broker_key;
    *error = "the broker's public key is not known: give its NAME.pub with --broker-key, or trust it under the name 'broker' "
             "('alua keys trust broker.pub')";
    return *self->broker_key != 0;
}
