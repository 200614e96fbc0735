<?php
// Required by config.php, which is read once Composer's loader is there: SimpleSAMLphp 1.19 encrypts assertions with AES-128-CBC and knows no setting
// for it. This is its class with the algorithm that `encryption` in options.json names (AES128_GCM, AES256_GCM, …).
(static function () {
    $options = json_decode(file_get_contents(getenv('SAML_FOLDER') . '/options.json'), true);
    if (!isset($options['encryption'])) {
        return;
    }
    $source = file_get_contents('/usr/share/simplesamlphp/vendor/simplesamlphp/saml2/src/SAML2/EncryptedAssertion.php');
    $changed = str_replace(
        'new XMLSecurityKey(XMLSecurityKey::AES128_CBC)',
        "new XMLSecurityKey(XMLSecurityKey::{$options['encryption']})",
        $source,
        $count
    );
    if ($count !== 1) {
        throw new Exception("SimpleSAMLphp's EncryptedAssertion is not as expected");
    }
    spl_autoload_register(static function ($class) use ($changed) {
        if ($class === 'SAML2\EncryptedAssertion') {
            eval(substr($changed, strlen('<?php')));
        }
    }, true, true);
})();
