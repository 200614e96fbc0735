//! Signing out: here, on every host at once, and with the provider.

use bytes::Bytes;
use gate::Session;
use http::{Response, StatusCode};
use ledger::audit::SignInEvent;
use ledger::state::{EndReason, Ending};
use serde_json::json;
use tokens::Timestamp;

use super::cookies::clear_session;
use super::page::{json, with_cookie};
use super::records::About;
use super::trouble::Trouble;
use super::{Reception, Visit};
use crate::pages::Html;
use crate::provider::{Keepsakes, Party, Sent};

impl Reception {
    /// Asks whether somebody wants to sign out: a link alone, which any page can have followed, does not do it.
    pub(super) fn ask_to_sign_out(&self, visit: &Visit) -> Response<Bytes> {
        let content = Html::default()
            .paragraph("You are signed out everywhere at once, in every tab.")
            .markup("<form method=\"post\"><button class=\"first\">Sign out</button></form>\n");
        self.page(StatusCode::OK, "Sign out?", &content, Some(&visit.id))
    }

    /// Signs somebody out.
    pub(super) async fn sign_out(
        &self,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        if visit.request.is_from_own_page() != Some(true) {
            return Err(Trouble::sent_from_elsewhere());
        }
        let out = format!("{}{}/signed-out", self.options.url, gate::RESERVED_PREFIX);
        let mut next = None;
        let mut text = String::new();
        if let Some(session) = self.session_here(visit, now).await? {
            next = self.end_with_provider(&session, &out, now).await;
            let title = self.offered(&session.provider).map_or("", |offered| &offered.title);
            text = format!("You are signed out here. Sign out with {title} too.");
            let ledger = self.house.sessions.ledger();
            let which = Ending::Session(session.id);
            let ended = ledger.end_sessions(&which, EndReason::SignedOut, now).await;
            let ended = ended.map_err(|error| Trouble::ledger(&error))?;
            let about = About {
                provider: Some(&session.provider),
                facts: Some(&session.facts),
                session: Some(session.id),
            };
            let (event, code) = (SignInEvent::SignedOut, ("signed_out", None));
            // Whoever presses twice signs out once.
            if !ended.is_empty() {
                self.record(visit, event, code, about, now).await?;
            }
        }
        let response = self.send(&next.unwrap_or(Sent::Redirect(out)), &("Sign out", text))?;
        Ok(with_cookie(response, clear_session()))
    }

    /// How to send the browser to where the provider signs people out, if it does.
    async fn end_with_provider(
        &self,
        session: &Session,
        out: &str,
        now: Timestamp,
    ) -> Option<Sent> {
        let offered = self.offered(&session.provider)?;
        let secrets = self.house.sessions.ledger().secrets(session.id, now).await;
        let kept = secrets.ok().flatten().map(|secrets| Keepsakes::read(&secrets));
        let kept = kept.unwrap_or_default();
        match &offered.provider {
            Party::OAuth(provider) => {
                let hint = kept.id_token.as_ref();
                provider.end_session(hint, Some(out), None, now).await.map(Sent::Redirect)
            }
            Party::Saml(provider) => self.ask_to_end(provider, &kept.named?, now),
        }
    }

    /// Somebody has signed out, or has only come by.
    pub(super) async fn signed_out(
        &self,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let (title, content) = if self.is_signed_in(visit, now).await? {
            let out = format!("{}/sign-out", gate::RESERVED_PREFIX);
            ("You are signed in", Html::default().link(&out, "Sign out"))
        } else {
            let text = "You are signed out. You can close this window.";
            ("Signed out", Html::default().paragraph(text))
        };
        Ok(self.page(StatusCode::OK, title, &content, Some(&visit.id)))
    }

    /// Whether somebody is signed in here, as the ledger says: another replica may have ended the session a moment ago.
    pub(super) async fn is_signed_in(
        &self,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<bool, Trouble> {
        let known = self.session_here(visit, now).await?.zip(visit.request.session());
        let Some((_, cookie)) = known else { return Ok(false) };
        let stored = self.house.sessions.ledger().session(*cookie.digest(), now).await;
        Ok(stored.map_err(|error| Trouble::ledger(&error))?.is_some())
    }

    /// Who is signed in, for pages that want to show it.
    pub(super) async fn who_am_i(
        &self,
        visit: &Visit,
        now: Timestamp,
    ) -> Result<Response<Bytes>, Trouble> {
        let Some(session) = self.session_here(visit, now).await? else {
            return Ok(json(StatusCode::UNAUTHORIZED, &json!({ "signed_in": false })));
        };
        Ok(json(
            StatusCode::OK,
            &json!({
                "signed_in": true,
                "provider": &*session.provider,
                "subject": session.facts.subject,
                "ends_at": session.ends_at.as_secs(),
            }),
        ))
    }
}
