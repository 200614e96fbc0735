<?php
$folder = getenv('SAML_FOLDER');
$options = json_decode(file_get_contents("$folder/options.json"), true);
foreach ($options['sps'] as $entity => $given) {
    $found = [];
    if (isset($given['xml'])) {
        $parsed = SimpleSAML\Metadata\SAMLParser::parseDescriptorsString(file_get_contents("$folder/{$given['xml']}"));
        $found = $parsed[$entity]->getMetadata20SP();
        // They tell of the document, and keep it from changing.
        unset($found['entityDescriptor'], $found['expire'], $given['xml']);
    }
    $metadata[$entity] = $given + $found;
}
